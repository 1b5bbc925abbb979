"""What the manifold tells people of each host: what is seen of it, and how far a drain of it is."""

from __future__ import annotations

import time
import uuid
from collections import Counter
from collections.abc import Collection, Iterable, Mapping

from sqlalchemy.orm import Session

from hokku.manifold.hosts import Cluster, Listing
from hokku.manifold.lxd import Instance
from hokku.manifold.placement import Load
from hokku.store import hosts as store
from hokku.store.hosts import HostState, Seen, Wanted

TENANTS = ("dyno", "template", "build")  # the kinds of instances that hold something of an app
NAMED = 3  # dynos that a reason names
EVERY = 10.0  # seconds between two reports of what has not changed

Place = tuple[uuid.UUID, str, int]  # app, type, number


class Reporter:
    """Writes reports down when they change, and every ten seconds, so that old ones tell that nobody reports."""

    def __init__(self) -> None:
        self._told: object = None
        self._told_at = 0.0

    def tell(self, opened: Session, seen: Mapping[str, Seen], routers: Mapping[str, str | None]) -> None:
        """`routers`: by name, why a router does not have what is wanted, or None."""
        moment = time.monotonic()
        if (seen, routers) != self._told or moment - self._told_at >= EVERY:
            store.report(opened, seen)
            store.report_routers(opened, routers)
            self._told, self._told_at = (seen, routers), moment


def hosts(
    cluster: Cluster,
    listings: Mapping[str, Listing],
    loads: Collection[Load],
    apps: Mapping[uuid.UUID, str],
    failing: Collection[Place],
) -> dict[str, Seen]:
    """What is seen of each host. `apps`: their names; `failing`: places whose dyno could not be made lately."""
    found = {}
    able = bool(cluster.usable())
    stuck = {_place(load) for load in loads if load.crashed} | set(failing)
    for name, host in cluster.hosts.items():
        state, reason = cluster.state(name)
        wish, listing = cluster.wishes.get(name), listings.get(name)
        instances = listing.instances.values() if listing is not None else ()
        there = [load for load in loads if load.host == name and not load.crashed]
        draining = cluster.wanted(name) is Wanted.DRAINED
        # what is left on a host that does not answer is not known; what it had is forgotten when it is dead
        known = listing is not None and state is HostState.ONLINE and cluster.is_settled(name)
        empty = draining and known and not there and not any(each.kind in TENANTS for each in instances)
        if draining and reason is None and not empty:
            held = [
                f"{load.type}.{load.number} of {apps.get(load.app_id, load.app_id)}" for load in there
                if _place(load) in stuck and not load.leaving and not load.oneoff
            ]  # fmt: skip
            reason = waits(there, instances, able, held)
        found[name] = Seen(state, reason, empty, wish.since if wish else None, host.memory)
    return found


def _place(load: Load) -> Place:
    return load.app_id, load.type, load.number


def waits(there: Iterable[Load], instances: Iterable[Instance], able: bool, stuck: Collection[str]) -> str:
    """What the drain of a host waits for, in a sentence without its end. Pure.

    `able`: other hosts take dynos. `stuck`: names of dynos whose replacement does not come up.
    """
    loads = list(there)
    leaving = sum(load.leaving for load in loads)
    oneoffs = sum(load.oneoff for load in loads if not load.leaving)
    dynos = len(loads) - leaving - oneoffs
    kinds = Counter(each.kind for each in instances)
    parts = []
    if dynos and not able:
        parts.append(f"no other host can take its {_count(dynos, 'dyno')} now")
    elif dynos:
        parts.append(f"{_count(dynos, 'dyno')} to be replaced elsewhere")
    if dynos and stuck:
        more = f" and {len(stuck) - NAMED} more" if len(stuck) > NAMED else ""
        parts.append(f"the replacement of {', '.join(sorted(stuck)[:NAMED])}{more} does not come up")
    if leaving:
        parts.append(f"{_count(leaving, 'dyno')} to finish what is in flight and stop")
    if oneoffs:
        parts.append(f"{_count(oneoffs, 'one-off dyno')} to end")
    if kinds["build"]:
        parts.append(f"{_count(kinds['build'], 'build')} to end")
    if not parts:
        parts.append("what is left of apps to be deleted")
    return "waits: " + ", ".join(parts)


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"
