"""When certificates end: the platform's own, as files and as machines show them, and those of apps."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509

from hokku.checks.finding import Check, Finding, State, failed, warning, well
from hokku.manifold.lxd import NAME
from hokku.settings import Host, Settings
from hokku.store import sni
from hokku.store.engine import session
from hokku.store.tables import now

SOON = timedelta(days=21)  # role pki renews what has less than 30 days left, whenever the playbook runs
THEIRS = timedelta(days=14)  # of apps: their owners renew them
NAMED = 5
_RENEW = "Run playbooks/site.yml: role pki renews certificates that end within 30 days."
_UNREACHABLE = "See what is said of the machine itself."


def checks(settings: Settings) -> list[Check]:
    """One for each of the platform's certificates that can be seen from here, and one for all of the apps'."""
    files = {"authority": settings.ca_file, "this host": settings.cert_file, "manifold": settings.manifold_cert_file}
    found = [
        Check("certificates", name, _RENEW, lambda name=name, path=path: [_judged(name, _written(path))])
        for name, path in files.items()
    ]
    shown = [(f"router {host.name}", host, settings.router_runtime_port, host.address) for host in settings.routers]
    shown += [(f"host {host.name}", host, settings.lxd_port, NAME) for host in settings.dyno_hosts]
    found += [
        Check("certificates", name, _UNREACHABLE, lambda each=each: _shown(settings, *each))
        for each in shown
        for name in each[:1]
    ]
    apps = "The apps' owners give new ones: heroku certs:update."
    return [*found, Check("certificates", "apps", apps, _apps)]


def _written(path: Path) -> datetime:
    return min(each.not_valid_after_utc for each in x509.load_pem_x509_certificates(path.read_bytes()))


def _shown(settings: Settings, name: str, host: Host, port: int, called: str) -> Iterator[Finding]:
    context = ssl.create_default_context(cafile=str(settings.ca_file))
    context.load_cert_chain(settings.manifold_cert_file, settings.manifold_key_file)
    with (
        socket.create_connection((host.address, port), 3) as plain,
        context.wrap_socket(plain, server_hostname=called) as stream,
    ):
        told = stream.getpeercert()
    yield _judged(name, datetime.fromtimestamp(ssl.cert_time_to_seconds(str(told["notAfter"])), UTC))


def _judged(name: str, end: datetime) -> Finding:
    day = f"{end:%Y-%m-%d}"
    if end <= now():
        return failed("certificates", name, f"It ended on {day}.", _RENEW)
    if end - now() < SOON:
        return warning("certificates", name, f"It ends on {day}.", _RENEW)
    return Finding("certificates", name, State.OK, f"It is good until {day}.")


def _apps() -> Iterator[Finding]:
    with session() as opened:
        ends = sni.ends(opened)
    soon = sorted({app for app, end in ends if datetime.fromisoformat(end) - now() < THEIRS})
    if not soon:
        yield well("certificates", "apps", f"None of the {len(ends)} certificates of apps ends within two weeks.")
        return
    named = ", ".join(soon[:NAMED]) + (f" and {len(soon) - NAMED} more" if len(soon) > NAMED else "")
    yield warning(
        "certificates", "apps", f"Certificates of these apps end within two weeks, or have ended: {named}.",
        "Tell their owners: heroku certs:update gives an app a new one.",
    )  # fmt: skip
