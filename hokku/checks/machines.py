"""Routers and dyno hosts: whether each answers to us, and what the manifold says of it."""

from __future__ import annotations

from collections.abc import Iterator

from hokku.checks.finding import Check, Finding, State, failed, warning, well
from hokku.manifold.lxd import Member
from hokku.routing.mesh import REVISION
from hokku.routing.runtime import Runtime
from hokku.routing.table import MESH
from hokku.settings import Host, Settings
from hokku.store import hosts
from hokku.store.engine import session
from hokku.store.hosts import HostState, Wanted

PATIENCE = 3.0  # seconds for a sign of life
_ROUTER = "On {0}: systemctl status haproxy; or run playbooks/site.yml --limit {0}."
_HOST = "See that {0} runs, and on it: systemctl status lxd; it comes back by itself once it answers."


def checks(settings: Settings) -> list[Check]:
    """One for each router and each dyno host."""
    found = [
        Check("router", host.name, _ROUTER.format(host.name), lambda host=host: _router(settings, host))
        for host in settings.routers
    ]
    return found + [
        Check("host", host.name, _HOST.format(host.name), lambda host=host: _host(settings, host))
        for host in settings.dyno_hosts
    ]


def _router(settings: Settings, host: Host) -> Iterator[Finding]:
    runtime = Runtime(
        host, settings.router_runtime_port,
        cert=settings.manifold_cert_file, key=settings.manifold_key_file, ca=settings.ca_file,
    )  # fmt: skip
    with runtime.session() as talk:
        told = REVISION in talk.map(MESH)
    with session() as opened:
        errors = hosts.routers(opened)
    manifold = "See that hokku-manifold runs on a control host, which tells routers their routes."
    if not told:
        yield failed("router", host.name, "It answers, but was never told the routes.", manifold)
    elif host.name not in errors:
        yield warning("router", host.name, "It answers, but the manifold has not said lately what it has.", manifold)
    elif errors[host.name]:
        why = f"It answers, but does not have the routes that are wanted: {errors[host.name]}."
        yield failed("router", host.name, why, _ROUTER.format(host.name))
    else:
        yield well("router", host.name, "It answers, and has the routes that are wanted.")


def _host(settings: Settings, host: Host) -> Iterator[Finding]:
    Member(host, settings).ping(timeout=PATIENCE)
    with session() as opened:
        report = hosts.reports(opened).get(host.name) if host.name in hosts.fresh(opened) else None
        wish = hosts.wishes(opened).get(host.name)
    if report is None:
        yield warning(
            "host", host.name, "It answers, but the manifold has not reported of it lately.",
            "See that hokku-manifold runs on a control host.",
        )  # fmt: skip
        return
    yield seen(host.name, report.seen(), wish.wanted if wish else Wanted.ACTIVE)


def seen(name: str, report: hosts.Seen, wanted: Wanted) -> Finding:
    """What to say of a host that answers. Pure."""
    if report.state is not HostState.ONLINE:
        why = f"It answers now, but the manifold sees it {report.state}: {report.reason}."
        return failed("host", name, why, _HOST.format(name))
    if wanted is Wanted.DRAINED and not report.empty:
        back = f"Wait; or give it up: PATCH /hosts/{name} with wanted active."
        return warning("host", name, f"It is online, and its drain {report.reason or 'is under way'}.", back)
    if wanted is not Wanted.ACTIVE:
        return Finding("host", name, State.OK, f"It is online and {wanted}: it takes no dynos.")
    return well("host", name, "It is online and takes dynos.")
