"""What is left: memory and slots of the hosts that take dynos, backends of the routers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from hokku.checks.finding import Check, Finding, failed, warning, well
from hokku.settings import Settings
from hokku.store import dynos, hosts, routes
from hokku.store.engine import session
from hokku.store.hosts import HostState

FULL = 0.8  # of what there is, from which on it is time for more
_HOSTS = "Add a dyno host to the inventory and run playbooks/site.yml, or make a cordoned one active."
_BACKENDS = "Raise hokku_backends in the inventory and run playbooks/site.yml."


def checks(settings: Settings) -> list[Check]:
    """Of memory, slots and backends."""
    return [
        Check("capacity", "memory", _HOSTS, lambda: [memory(*_memory(settings))]),
        Check("capacity", "slots", _HOSTS, lambda: [slots(_slots(settings), settings.dyno_slots)]),
        Check("capacity", "backends", _BACKENDS, lambda: _backends(settings)),
    ]


def _memory(settings: Settings) -> tuple[dict[str, int], dict[str, int | None]]:
    """MiB by host that takes dynos: committed, and there."""
    with session() as opened:
        usage, open_hosts = hosts.usage(opened), _open(settings, opened)
    sizes = settings.sizes
    committed = {
        name: sum((sizes.get(size) or sizes[settings.default_size]).memory * number for size, number in there.items())
        for name, there in ((name, usage[name].sizes) for name in open_hosts if name in usage)
    }
    return {name: committed.get(name, 0) for name in open_hosts}, {
        name: report.memory_total if report else None for name, report in open_hosts.items()
    }


def _open(settings: Settings, opened: hosts.Session) -> dict[str, hosts.HostReport | None]:
    """The reports of the hosts that take dynos, as far as is known."""
    reports, closed = hosts.reports(opened), hosts.closed(opened)
    found = {host.name: reports.get(host.name) for host in settings.dyno_hosts if host.name not in closed}
    return {name: report for name, report in found.items() if report is None or report.state is HostState.ONLINE}


def memory(committed: Mapping[str, int], total: Mapping[str, int | None]) -> Finding:
    """Whether what dynos may take fits, also without the largest host. MiB by host; hosts without a total are left
    out. Pure."""
    known = {name: size for name, size in total.items() if size}
    if not known:
        why = "No host that takes dynos says how much memory it has."
        return warning("capacity", "memory", why, "See GET /hosts: hosts that are online tell it within seconds.")
    taken, there = sum(committed[name] for name in known), sum(known.values())
    said = f"Dynos may take {taken} of {there} MiB on {len(known)} hosts"
    if taken > there * FULL:
        return warning("capacity", "memory", f"{said}: over {FULL:.0%}.", _HOSTS)
    if len(known) > 1 and taken > there - max(known.values()):
        return warning("capacity", "memory", f"{said}: too much for the others, should the largest be lost.", _HOSTS)
    return well("capacity", "memory", f"{said}.")


def _slots(settings: Settings) -> dict[str, int]:
    """Slots taken by host that takes dynos, those in quarantine too."""
    with session() as opened:
        taken, open_hosts = dynos.slots(opened), _open(settings, opened)
    return {name: len(taken.get(name, ())) for name in open_hosts}


def slots(taken: Mapping[str, int], most: int) -> Finding:
    """Whether the hosts have slots left. `taken` by host, of `most` each. Pure."""
    if not taken:
        return failed("capacity", "slots", "No host takes dynos.", _HOSTS)
    fullest = max(taken, key=lambda name: (taken[name], name))
    said = f"The fullest host, {fullest}, has {taken[fullest]} of {most} slots taken"
    if min(taken.values()) >= most:
        return failed("capacity", "slots", "Every slot of every host that takes dynos is taken.", _HOSTS)
    if taken[fullest] > most * FULL:
        return warning("capacity", "slots", f"{said}.", _HOSTS)
    return well("capacity", "slots", f"{said}.")


def _backends(settings: Settings) -> Iterator[Finding]:
    with session() as opened:
        taken = len(routes.load(opened))
    said = f"{taken} of {settings.backends} backends of the routers have an app."
    if taken >= settings.backends:
        yield failed("capacity", "backends", f"{said} The next app is not routed.", _BACKENDS)
    elif taken > settings.backends * FULL:
        yield warning("capacity", "backends", said, _BACKENDS)
    else:
        yield well("capacity", "backends", said)
