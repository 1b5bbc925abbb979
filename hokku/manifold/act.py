"""Carrying out a plan's actions: rows first, in the transaction of the pass; then, once it is committed, the jobs."""

from __future__ import annotations

import logging
import uuid
from collections.abc import Callable, MutableMapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial

from sqlalchemy.orm import Session

from hokku.logplex.emit import emit
from hokku.manifold import jobs, lifecycle, placement, slots
from hokku.manifold.health import Prober
from hokku.manifold.hosts import Cluster
from hokku.manifold.jobs import Jobs
from hokku.manifold.ledger import WAIT, Ledger, at
from hokku.manifold.lifecycle import Birth
from hokku.manifold.lxd import LxdError
from hokku.manifold.model import WEB, DynoView, Ended, Presence, Trouble
from hokku.manifold.placement import Load
from hokku.manifold.plan import Action, Bury, Crash, Forget, Kill, MarkUp, Retire, Start, Terminate
from hokku.manifold.publisher import Publisher
from hokku.manifold.track import Tracked
from hokku.settings import Settings
from hokku.store import dynos
from hokku.store.tables import Dyno, DynoState, now
from hokku.store.wanted import AppSpec

log = logging.getLogger(__name__)

LONGEST_PAUSE = 30.0  # seconds before a dyno that could not be made is tried again
UNREAD = 3  # attempts to read how a dyno ended, before it is removed without
Key = tuple[uuid.UUID, str, int]  # release, type, number


@dataclass(frozen=True)
class Place:
    """Host and slot for a new dyno, and why that host."""

    host: str
    slot: int
    why: str


class Actor:
    """Owns what is remembered of dynos; used by the control loop's thread alone.

    `wake(app id)` asks for another look at an app.
    """

    def __init__(
        self,
        settings: Settings,
        cluster: Cluster,
        work: Jobs,
        publisher: Publisher,
        prober: Prober,
        wake: Callable[[uuid.UUID], None],
    ) -> None:
        self._settings = settings
        self._cluster = cluster
        self._jobs = work
        self._publisher = publisher
        self._prober = prober
        self._wake = wake
        self.tracked: dict[uuid.UUID, Tracked] = {}
        self.loads: dict[uuid.UUID, Load] = {}
        self.slots: dict[str, dict[int, datetime | None]] = {}
        self.troubles: dict[Key, Trouble] = {}
        self.ledger = Ledger()

    def of(self, dyno_id: uuid.UUID) -> Tracked:
        """What is remembered of the dyno."""
        return self.tracked.setdefault(dyno_id, Tracked())

    def load_of(self, row: Dyno, oneoff: bool) -> Load:
        """What the dyno weighs on its host."""
        size = self._settings.sizes.get(row.size) or self._settings.sizes[self._settings.default_size]
        crashed = row.state is DynoState.CRASHED
        leaving = crashed or row.state is DynoState.STOPPING
        memory = 0 if crashed else size.memory
        return Load(
            row.host, row.app_id, row.type, row.number, memory, row.created_at, leaving, crashed, row.crashes, oneoff
        )

    def do(
        self,
        opened: Session,
        app: AppSpec,
        action: Action,
        rows: MutableMapping[uuid.UUID, tuple[Dyno, int]],
        after: list[Callable[[], None]],
    ) -> None:
        """Write the action down; what takes time goes into `after`."""
        match action:
            case Start():
                self._start(opened, app, action, rows, after)
            case MarkUp(dyno):
                self._mark_up(rows[dyno.id][0])
            case Retire(dyno, reason):
                self._tell(dyno, "retire", reason)
                self._prober.drop(dyno.id)
                self._set(rows[dyno.id][0], DynoState.STOPPING, reason)
            case Terminate(dyno):
                idle = "nothing is in flight to it any more: " if dyno.type == WEB else ""
                self._tell(dyno, "terminate", f"{idle}its processes get SIGTERM")
                self.of(dyno.id).begin()
                after.append(partial(self._terminate, dyno, rows[dyno.id][0].instance))
                self.of(dyno.id).terminated_at = now()
            case Kill(dyno, error):
                self._tell(dyno, "kill", error)
                emit(dyno.app_id, error, process=dyno.name, source="heroku")
                self._prober.drop(dyno.id)
                self.of(dyno.id).doom = error
                self.of(dyno.id).begin()
                after.append(partial(self._kill, dyno, rows[dyno.id][0].instance))
            case Bury(dyno, status):
                self._prober.drop(dyno.id)
                self.of(dyno.id).begin()
                after.append(partial(self._bury, dyno, rows[dyno.id][0].instance, status))
            case Crash(dyno, reason, crashes, retry_at):
                row = rows[dyno.id][0]
                emit(app.id, f"State changed from {row.state} to crashed", process=dyno.name, source="heroku")
                row.crashes, row.retry_at = crashes, retry_at
                again = "at once" if retry_at <= now() else f"at {at(retry_at)}"
                self._tell(dyno, "crash", f"{reason}; crashes in a row: {crashes}; it is started again {again}")
                self._set(row, DynoState.CRASHED, reason)
            case Forget(dyno, reason):
                self._tell(dyno, "forget", reason)
                self._forget(dyno, rows.pop(dyno.id)[0], reason)

    def _tell(self, dyno: DynoView, decision: str, reason: str) -> None:
        self.ledger.note(dyno.app_id, dyno.type, dyno.number, dyno.host, decision, reason)

    def _set(self, row: Dyno, state: DynoState, reason: str | None) -> None:
        log.info("%s %s.%d of app %s: %s -> %s%s", row.instance, row.type, row.number, row.app_id, row.state, state,
                 f" ({reason})" if reason else "")  # fmt: skip
        row.state, row.reason = state, reason

    def _mark_up(self, row: Dyno) -> None:
        known = self.of(row.id)
        moment = known.up_since = now()
        since = known.running_since or moment
        row.timings = {"place": _seconds(since - known.decided_at), "boot": _seconds(moment - since)}
        spent = f"{row.timings['boot']:.1f} s after its start"
        how = f"its port was open {spent}" if row.type == WEB else "its process runs"
        self.ledger.note(row.app_id, row.type, row.number, row.host, "up", how)
        emit(row.app_id, "State changed from starting to up", process=f"{row.type}.{row.number}", source="heroku")
        self._set(row, DynoState.UP, None)

    def _forget(self, dyno: DynoView, row: Dyno, reason: str) -> None:
        if row.state in (DynoState.UP, DynoState.STARTING):
            emit(dyno.app_id, f"State changed from {row.state} to down", process=dyno.name, source="heroku")
        self.close(dyno, row, reason)

    def close(self, dyno: DynoView, row: Dyno, reason: str) -> None:
        """Nothing of the dyno is left but its row, which keeps its slot from being used too soon."""
        self._set(row, DynoState.STOPPED, reason)
        row.stopped_at, row.retry_at = now(), None
        self._prober.drop(dyno.id)
        self._publisher.forget(dyno.id)
        self.tracked.pop(dyno.id, None)
        self.loads.pop(dyno.id, None)
        self.slots.setdefault(row.host, {})[row.slot] = row.stopped_at

    # -- starting --

    def _start(
        self,
        opened: Session,
        app: AppSpec,
        action: Start,
        rows: MutableMapping[uuid.UUID, tuple[Dyno, int]],
        after: list[Callable[[], None]],
    ) -> None:
        key = (action.release.id, action.type, action.number)
        place = self.place(app, action.type, action.number)
        if isinstance(place, str):
            before = self.troubles.get(key)
            if before is None or before.reason != place:
                log.warning("%s.%d of app %s waits: %s", action.type, action.number, app.name, place)
            self.troubles[key] = Trouble(place, 0, now() + timedelta(seconds=0.4))
            self.waits(app.id, action.type, action.number, place)
            return
        birth = Birth(
            uuid.uuid4(), app.id, action.release.id, action.release.slug_id, action.type, action.number, action.size,
            place.slot,
        )  # fmt: skip
        host = place.host
        known = self.conceive(opened, birth, place, action.command, action.crashes)
        rows[birth.id] = opened.get_one(Dyno, birth.id), action.release.version

        def begin() -> None:
            text = f"Starting process with command `{action.command}`"
            emit(app.id, text, process=f"{action.type}.{action.number}", source="heroku")
            self._jobs.bear(host, birth, lambda _, error: self._born(birth, host, key, known, error))

        after.append(begin)

    def place(self, app: AppSpec, kind: str, number: int) -> Place | str:
        """The place of a new dyno of the app, or why there is none."""
        ranked = placement.rank(self._cluster.usable(), self.loads.values(), app.id, kind, number)
        if not ranked:
            return "no dyno host can take it now"
        for better, standing in enumerate(ranked):
            slot = self._slot(standing.host)
            if slot is not None:
                full = [each.host for each in ranked[:better]]
                return Place(standing.host, slot, placement.why(ranked[better:], full))
        return placement.taken([each.host for each in ranked])

    def waits(self, app_id: uuid.UUID, kind: str, number: int, reason: str) -> None:
        """Keep for people that the dyno waits, and for which hosts."""
        hosts = ((name, self._cluster.unusable(name)) for name in self._cluster.hosts)
        states = ", ".join(f"{name} {why}" for name, why in hosts if why)
        self.ledger.note(app_id, kind, number, None, WAIT, f"{reason}: {states}" if states else reason)

    def conceive(self, opened: Session, birth: Birth, place: Place, command: str, crashes: int = 0) -> Tracked:
        """Write the dyno down, before anything of it exists."""
        host = place.host
        row = Dyno(
            id=birth.id, app_id=birth.app_id, release_id=birth.release_id, type=birth.type, number=birth.number,
            size=birth.size, command=command, state=DynoState.STARTING, host=host, slot=birth.slot,
            address=slots.address(birth.slot), crashes=crashes, instance=birth.instance, timings={}, created_at=now(),
        )  # fmt: skip
        dynos.add(opened, row)
        self.loads[row.id] = self.load_of(row, birth.oneoff)
        self.slots.setdefault(host, {})[birth.slot] = None
        known = self.of(row.id)
        known.begin()
        why = f"after {crashes} crashes in a row, {place.why}" if crashes else place.why
        self.ledger.note(row.app_id, row.type, row.number, host, "start", why, same="")  # why varies with the hosts
        log.info("%s %s.%d of app %s: starting on %s", row.instance, row.type, row.number, birth.app_id, host)
        return known

    def _slot(self, host: str) -> int | None:
        listing = self._cluster.hosts[host].listing
        found = {each.slot for each in listing.instances.values() if each.slot is not None} if listing else set()
        return slots.free(
            self.slots.get(host, {}), found, count=self._settings.dyno_slots, now=now(),
            quarantine=self._settings.slot_quarantine, routers_seen=self._publisher.seen(),
        )  # fmt: skip

    def _born(self, birth: Birth, host: str, key: Key, known: Tracked, error: LxdError | None) -> None:
        if birth.id not in self.tracked:  # given up meanwhile: the sweep removes what was made
            self._cluster.look_now()
            return
        if error is None:
            self.troubles.pop(key, None)
            known.running_since = now()
            known.finish(Presence.RUNNING)
            if birth.type == WEB:
                self.probe(birth.id, host, birth.slot)
        else:
            log.warning("%s could not be made on %s: %s", birth.instance, host, error)
            count = self.troubles[key].count + 1 if key in self.troubles else 1
            until = now() + timedelta(seconds=min(LONGEST_PAUSE, 0.25 * 2.0 ** min(count, 10)))
            self.ledger.note(
                birth.app_id, birth.type, birth.number, host, "fail",
                f"it could not be made: {error}; tried again, after {LONGEST_PAUSE:.0f} s at most",
            )  # fmt: skip
            self.troubles[key] = Trouble(str(error), count, until, jobs.final(error))
            if jobs.absent(error):
                self._jobs.drop_template(birth.release_id, host)
            known.ended = Ended(None, f"it could not be made: {error}")
            known.finish(Presence.GONE)
            self._jobs.delete(host, birth.instance)
        self._wake(birth.app_id)

    def probe(self, dyno_id: uuid.UUID, host: str, slot: int) -> None:
        """Find out when the dyno's port is reachable."""
        known = self.of(dyno_id)
        if not known.probed:
            known.probed = True
            address = self._cluster.hosts[host].member.host.address
            self._prober.watch(dyno_id, address, slots.port(slot, self._settings.dyno_first_port))

    # -- ending --

    def _terminate(self, dyno: DynoView, instance: str) -> None:
        known = self.of(dyno.id)
        emit(dyno.app_id, "Stopping all processes with SIGTERM", process=dyno.name, source="heroku")

        def done(_: object, error: LxdError | None) -> None:
            if error is not None and not jobs.absent(error):
                log.info("%s: SIGTERM: %s", instance, error)
            known.finish(Presence.GONE if jobs.absent(error) else Presence.RUNNING)
            self._cluster.look_now()

        timeout = self._settings.stop_timeout
        self._jobs.on(dyno.host, lambda host: host.member.terminate(instance, timeout), done)

    def _kill(self, dyno: DynoView, instance: str) -> None:
        known = self.of(dyno.id)
        emit(dyno.app_id, "Stopping process with SIGKILL", process=dyno.name, source="heroku")

        def done(_: object, error: LxdError | None) -> None:
            if error is None or jobs.absent(error):
                known.finish(Presence.GONE if error else Presence.STOPPED)
            else:
                log.warning("%s cannot be killed: %s", instance, error)
                known.doom = None  # decided again, unless it has ended meanwhile
                known.finish(None, pause=1.0)
            self._wake(dyno.app_id)

        self._jobs.on(dyno.host, lambda host: host.member.kill(instance), done)

    def _bury(self, dyno: DynoView, instance: str, told: int | None) -> None:
        known = self.of(dyno.id)

        def done(ended: Ended | None, error: LxdError | None) -> None:
            if ended is None:
                log.warning("%s cannot be removed: %s", instance, error)
                known.unread += isinstance(error, lifecycle.Unread)
                known.finish(None, pause=2.0)
            else:
                known.ended = ended
                known.finish(Presence.GONE)
                status = next((each for each in (ended.status, told) if each is not None), 137)
                if dyno.running_since is not None:
                    text = f"Process exited with status {status}"
                    emit(dyno.app_id, text, process=dyno.name, source="heroku")
            self._wake(dyno.app_id)

        read = known.unread < UNREAD
        self._jobs.on(dyno.host, lambda host: lifecycle.bury(host.member, instance, read=read), done)


def _seconds(span: timedelta) -> float:
    return round(span.total_seconds(), 3)
