"""The dyno hosts as the manifold sees them: what is on each, whether the cluster holds it for dead, and its workers.

Each host has its own workers and is asked for a sign of life by a thread of its own, so that one that hangs holds up no
other. What is on them is one listing of the whole cluster, asked of any member that answers. It may hang for some
seconds when a member is lost: what happens then on the others, events tell.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any, TypeVar

from hokku.manifold.lxd import Instance, LxdError, Member
from hokku.settings import Settings
from hokku.steady import keep_on
from hokku.store.hosts import HostState, Wanted, Wish

log = logging.getLogger(__name__)

EVERY = 2.5  # seconds between two looks without an event
AT_MOST = 0.3  # seconds between two looks, however many events
RESTS = 2  # times as long as a look took: on a loaded host it takes seconds, and looking on and on would load it more
FRESH = 8.0  # seconds after which a listing no longer says that a host answers
PATIENCE = 20.0  # seconds for a listing
OTHERS = 6  # workers of a host for what is not a start


T = TypeVar("T")


@dataclass(frozen=True)
class Listing:
    """What a host had: instances by name, as of a moment after `asked_at` (monotonic)."""

    asked_at: float
    instances: Mapping[str, Instance] = field(default_factory=dict)


class DynoHost:
    """One host: its driver, what it was last listed to have, its workers, and whether it answers."""

    def __init__(self, member: Member, starts: int) -> None:
        self.member = member
        self.name = member.host.name
        self.listing: Listing | None = None
        self._starts = ThreadPoolExecutor(starts, f"start-{self.name}")
        self._others = ThreadPoolExecutor(OTHERS, f"work-{self.name}")
        self._answered_at: float | None = None
        self.asked = False  # whether it had its first chance to answer
        self.memory: int | None = None  # MiB

    def watch(self) -> None:
        """Begin to ask whether it answers, for ever."""
        loop = (f"asking host {self.name} for a sign of life", self._ping)
        threading.Thread(target=keep_on, args=loop, name=f"ping-{self.name}", daemon=True).start()

    def answers(self) -> bool:
        """Whether it was heard of lately."""
        return self._answered_at is not None and time.monotonic() - self._answered_at < FRESH

    def start(self, work: Callable[[], Any]) -> Future[Any]:
        """Do `work` as one of the host's starts: so many at once and no more."""
        return self._starts.submit(work)

    def work(self, work: Callable[[], Any]) -> Future[Any]:
        """Do `work` on the host, beside its starts."""
        return self._others.submit(work)

    def _ping(self) -> None:
        before = self.answers()
        try:
            self.member.ping(timeout=FRESH / 2)
            self._answered_at = time.monotonic()
            if not before:
                log.info("host %s answers", self.name)
                self._others.submit(self._measure)
        except LxdError as error:
            log.log(logging.WARNING if before or not self.asked else logging.DEBUG, "host %s: %s", self.name, error)
        self.asked = True
        time.sleep(EVERY)

    def _measure(self) -> None:
        try:
            self.memory = self.member.memory() // (1024 * 1024)
        except (LxdError, LookupError, TypeError) as error:
            log.info("host %s does not say how much memory it has: %s", self.name, error)


class Cluster:
    """All hosts, which of them the cluster holds for dead, and what operators want of them (`wishes`)."""

    def __init__(self, drivers: Mapping[str, Member], settings: Settings, changed: Callable[[], None]) -> None:
        self.hosts = {name: DynoHost(member, settings.starts_per_host) for name, member in drivers.items()}
        self.status: dict[str, str] = {}
        self.wishes: Mapping[str, Wish] = {}
        self._changed = changed
        self._wake = threading.Event()
        self._lost_at: dict[str, float] = {}  # monotonic: when a host was dead last

    def watch(self) -> None:
        """Begin to look at hosts and at the cluster."""
        for host in self.hosts.values():
            host.watch()
        for what, turn in (("members", self._look_at_members), ("instances", self._look_at_instances)):
            threading.Thread(target=keep_on, args=(f"looking at {what}", turn), name=what, daemon=True).start()

    def look_now(self) -> None:
        """Something happened to an instance."""
        self._wake.set()

    def dead(self, name: str) -> bool:
        """Whether the cluster says so, or no longer knows the host, and it does not answer to us either.

        One that merely does not answer is not dead; nor is one that answers while the cluster's members, all just
        started, have not heard of each other yet.
        """
        status = self.status
        if not status or (name in self.hosts and self.hosts[name].answers()):
            return False
        return status.get(name, "offline").lower() == "offline"

    def usable(self) -> list[str]:
        """The hosts that can take a dyno now: online, answering, rid of what they had when they were lost, and wanted.

        None before each host had its chance to answer: the first to do so is not to get everything.
        """
        if not all(host.asked for host in self.hosts.values()):
            return []
        return [name for name in self.hosts if self.unusable(name) is None]

    def unusable(self, name: str) -> str | None:
        """Why the host can take no dyno now, as what follows its name in a sentence; None when it can."""
        state, _ = self.state(name)
        if state is not HostState.ONLINE:
            return f"is {state}"
        if not self.is_settled(name):
            return "is not rid yet of what it had when it was lost"
        wanted = self.wanted(name)
        return None if wanted is Wanted.ACTIVE else f"is {wanted}"

    def is_settled(self, name: str) -> bool:
        """Whether nothing is left on the host of the time before it was lost."""
        return name not in self._lost_at

    def wanted(self, name: str) -> Wanted:
        """What operators want of the host."""
        wish = self.wishes.get(name)
        return wish.wanted if wish else Wanted.ACTIVE

    def draining(self) -> set[str]:
        """The hosts that are to give away what they have."""
        return {name for name in self.hosts if self.wanted(name) is Wanted.DRAINED}

    def state(self, name: str) -> tuple[HostState, str | None]:
        """What is seen of the host, and why it is that when it is not online."""
        host, status = self.hosts[name], self.status  # read once, as is the answer: other threads change them
        told, answers = status.get(name), host.answers()
        if not host.asked or not status:
            return HostState.UNKNOWN, "it was not asked yet, or no host tells which are in the cluster"
        if not answers and told is None:
            return HostState.OFFLINE, "it does not answer, and the cluster does not know it"
        if not answers and told.lower() == "offline":
            return HostState.OFFLINE, f"it does not answer, and the cluster says that it is {told.lower()}"
        if not answers:
            return HostState.UNREACHABLE, f"it does not answer, though the cluster says that it is {told.lower()}"
        if told is None or told.lower() != "online":
            says = f"that it is {told.lower()}" if told else "nothing of it"
            return HostState.UNREACHABLE, f"it answers, but the cluster says {says}"
        return HostState.ONLINE, None

    def settle(self, name: str, listing: Listing) -> None:
        """By this listing, nothing of the time before it was lost is left on the host."""
        if listing.asked_at > self._lost_at.get(name, 0.0):
            self._lost_at.pop(name, None)

    def _look_at_instances(self) -> None:
        self._wake.clear()
        asked_at = time.monotonic()
        found = self._ask(lambda member: member.instances(timeout=PATIENCE))
        if found is not None:
            by_host: dict[str, dict[str, Instance]] = {name: {} for name in self.hosts}
            for each in found:
                if each.location in by_host:
                    by_host[each.location][each.name] = each
            for name, instances in by_host.items():
                self.hosts[name].listing = Listing(asked_at, instances)
            self._changed()
        time.sleep(min(EVERY, max(AT_MOST, RESTS * (time.monotonic() - asked_at))))
        self._wake.wait(EVERY)

    def _look_at_members(self) -> None:
        status = self._ask(lambda member: member.members(timeout=FRESH))
        if status and status != self.status:
            for name in self.hosts:
                before, after = self.status.get(name), status.get(name)
                if before != after:
                    log.info("host %s is %s", name, after or "no member of the cluster")
            self.status = status
            self._changed()
        for name in self.hosts:
            if self.dead(name):
                self._lost_at[name] = time.monotonic()
        time.sleep(EVERY if status else 1.0)

    def _ask(self, question: Callable[[Member], T]) -> T | None:
        """The answer of the first member that gives one; those that answered lately are asked first."""
        for name, host in sorted(self.hosts.items(), key=lambda pair: not pair[1].answers()):
            try:
                return question(host.member)
            except LxdError as error:
                log.debug("%s: %s", name, error)
        return None
