"""What to do next for one app: what is wanted, what is found and the time in, actions out.

Level-triggered: it knows nothing of what was done before but what it is given, so it may be asked at any moment, as
often as one likes, and after any accident. `hokku.manifold.control` carries the actions out.
"""

from __future__ import annotations

import uuid
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from hokku.manifold import backoff, rollout
from hokku.manifold.model import WEB, DynoView, Presence, Trouble
from hokku.manifold.rollout import Fail, Promote, Serving
from hokku.store.tables import DynoState
from hokku.store.wanted import AppSpec, ReleaseSpec, TypeSpec

R10 = "Error R10 (Boot timeout) -> Web process failed to bind to $PORT within {:.0f} seconds of launch"
R12 = "Error R12 (Exit timeout) -> At least one process failed to exit within {:.0f} seconds of SIGTERM"


@dataclass(frozen=True)
class Limits:
    """Seconds: how long a boot and a stop may take."""

    boot: float = 60.0
    stop: float = 30.0


@dataclass(frozen=True)
class Start:
    """Make and start a dyno. `crashes`: how often its predecessor crashed in a row."""

    release: ReleaseSpec
    type: str
    number: int
    size: str
    command: str
    crashes: int = 0


@dataclass(frozen=True)
class MarkUp:
    dyno: DynoView


@dataclass(frozen=True)
class Retire:
    """Take it out of the routers; it is terminated once nothing is in flight to it."""

    dyno: DynoView
    reason: str


@dataclass(frozen=True)
class Terminate:
    """SIGTERM to all its processes."""

    dyno: DynoView


@dataclass(frozen=True)
class Kill:
    """SIGKILL, because of `error` (an R-code's sentence)."""

    dyno: DynoView
    error: str


@dataclass(frozen=True)
class Bury:
    """Its container ended: read how, and delete it. `status` is told to users when the container does not say."""

    dyno: DynoView
    status: int | None = None


@dataclass(frozen=True)
class Crash:
    """It ended and nobody wanted that. `crashes` in a row now; it is started again at `retry_at`."""

    dyno: DynoView
    reason: str
    crashes: int
    retry_at: datetime


@dataclass(frozen=True)
class Forget:
    """There is nothing left of it, or nothing that can be reached: only its row is closed."""

    dyno: DynoView
    reason: str


Action = Start | MarkUp | Retire | Terminate | Kill | Bury | Crash | Forget | Promote | Fail | Serving


def plan(
    app: AppSpec,
    dynos: Sequence[DynoView],
    now: datetime,
    limits: Limits,
    *,
    rolling: uuid.UUID | None = None,
    troubles: Mapping[tuple[uuid.UUID, str, int], Trouble] | None = None,
) -> list[Action]:
    """The actions that are due now.

    `rolling`: the release whose rollout is written down as under way. `troubles`: by (release, type, number), what kept
    a dyno from being made.
    """
    actions: list[Action] = []
    left = []
    for dyno in dynos:
        action, after = _next(dyno, now, limits)
        if action is not None:
            actions.append(action)
        if after is not None:
            left.append(after)
    verdict = rollout.verdict(app, left, rolling, troubles or {})
    return actions + verdict + list(_formation(_judged(app, verdict), left, now, troubles or {}))


def _judged(app: AppSpec, verdict: Iterable[Promote | Fail | Serving]) -> AppSpec:
    """The app as it is wanted once the verdict is written down."""
    for each in verdict:
        if isinstance(each, Promote):
            app = replace(app, previous=app.current, current=each.release, candidate=None)
        elif isinstance(each, Fail) and app.candidate is not None and each.release_id == app.candidate.id:
            app = replace(app, candidate=None)
    return app


def _next(dyno: DynoView, now: datetime, limits: Limits) -> tuple[Action | None, DynoView | None]:
    """What is due for the dyno by itself, and how it is seen afterwards (None: no more)."""
    if dyno.state is DynoState.CRASHED:
        return None, dyno
    if dyno.lost:
        return Forget(dyno, f"its host {dyno.host} is offline"), None
    if dyno.ended is not None:
        return _ended(dyno, now)
    if dyno.presence in (Presence.STOPPED, Presence.GONE):
        return Bury(dyno), dyno
    if dyno.presence is not Presence.RUNNING:
        return None, dyno
    if dyno.state is DynoState.STARTING and not dyno.doom:
        if dyno.port_open or dyno.type != WEB:
            return MarkUp(dyno), replace(dyno, state=DynoState.UP, up_since=now)
        if dyno.running_since and now - dyno.running_since >= timedelta(seconds=limits.boot):
            error = R10.format(limits.boot)
            return Kill(dyno, error), replace(dyno, doom=error)
    if dyno.state is DynoState.STOPPING:
        return _stopping(dyno, now, limits), dyno
    return None, dyno


def _ended(dyno: DynoView, now: datetime) -> tuple[Action, DynoView | None]:
    assert dyno.ended is not None
    status = dyno.ended.status
    if dyno.state is DynoState.STOPPING:
        return Forget(dyno, "stopped"), None
    if status is None and not dyno.doom and dyno.state is DynoState.STARTING:
        return Forget(dyno, dyno.ended.why or "its container was ended from outside while it started"), None
    if dyno.doom:
        reason = dyno.doom
    elif status is None:
        reason = "its container was ended from outside"
    else:
        reason = f"its process exited with status {status}"
    up_for = (now - dyno.up_since).total_seconds() if dyno.up_since else None
    crashes = backoff.crashes(dyno.crashes, up_for)
    retry_at = now + timedelta(seconds=backoff.delay(crashes))
    crashed = replace(dyno, state=DynoState.CRASHED, crashes=crashes, retry_at=retry_at, routed=False, doom=reason)
    return Crash(dyno, reason, crashes, retry_at), crashed


def _stopping(dyno: DynoView, now: datetime, limits: Limits) -> Action | None:
    if dyno.terminated_at is None:
        return Terminate(dyno) if dyno.type != WEB or (dyno.unrouted and dyno.drained) else None
    if not dyno.doom and now - dyno.terminated_at >= timedelta(seconds=limits.stop):
        return Kill(dyno, R12.format(limits.stop))
    return None


def _formation(
    app: AppSpec, dynos: Sequence[DynoView], now: datetime, troubles: Mapping[tuple[uuid.UUID, str, int], Trouble]
) -> Iterable[Action]:
    by_type: dict[str, list[DynoView]] = defaultdict(list)
    for dyno in dynos:
        if dyno.state is not DynoState.STOPPING:
            by_type[dyno.type].append(dyno)
    for kind in sorted(set(app.formation) | set(by_type), key=lambda kind: (kind != WEB, kind)):
        # a rollout replaces every web dyno anyway, and is not to be held up: what is to move, moves after it
        fit = [dyno for dyno in by_type[kind] if app.candidate is not None or not dyno.moving]
        kept: dict[tuple[uuid.UUID, int], DynoView] = {}
        for release in rollout.targets(app, kind):
            spec = app.formation[kind]
            for number in range(1, rollout.quantity(app, release, kind) + 1):
                holder = rollout.holder(release, spec, kind, number, fit)
                if holder is not None:
                    kept[release.id, number] = holder
                yield from _holder(release, spec, kind, number, holder, now, troubles)
        keep = {dyno.id for dyno in kept.values()}
        for dyno in by_type[kind]:
            if dyno.id not in keep:
                yield from _stale(app, dyno, kept)


def _holder(
    release: ReleaseSpec,
    spec: TypeSpec,
    kind: str,
    number: int,
    holder: DynoView | None,
    now: datetime,
    troubles: Mapping[tuple[uuid.UUID, str, int], Trouble],
) -> Iterable[Action]:
    """See to it that there is a dyno of that number."""
    crashes = 0
    if holder is not None:
        if holder.state is not DynoState.CRASHED or (holder.retry_at and holder.retry_at > now):
            return
        crashes = holder.crashes
        yield Forget(holder, "is started again")
    trouble = troubles.get((release.id, kind, number))
    if trouble is None or trouble.until <= now:
        yield Start(release, kind, number, spec.size, release.process_types[kind], crashes)


def _stale(app: AppSpec, dyno: DynoView, kept: Mapping[tuple[uuid.UUID, int], DynoView]) -> Iterable[Action]:
    """A dyno that no place of the formation is held by goes, but not before its successor does its work."""
    current = app.current
    successor = kept.get((current.id, dyno.number)) if current is not None else None
    reason = _why(app, dyno, successor)
    if dyno.state is DynoState.CRASHED:
        yield Forget(dyno, reason)
        return
    if current is not None and app.archived_at is None and dyno.version <= current.version:
        number = rollout.quantity(app, current, dyno.type)
        waits = dyno.number <= number and (successor is None or not successor.serves)
        if waits and dyno.state is DynoState.UP:
            return
    yield Retire(dyno, reason)


def _why(app: AppSpec, dyno: DynoView, successor: DynoView | None) -> str:
    if app.archived_at is not None:
        return "the app was deleted"
    if app.current is not None and dyno.version < app.current.version:
        return f"replaced by v{app.current.version}"
    if app.current is None or dyno.version > app.current.version:
        return f"v{dyno.version} is not released"
    if dyno.stop_requested:
        return "stopped on request"
    if dyno.number > rollout.quantity(app, app.current, dyno.type):
        return "scaled down"
    if dyno.moving:
        return f"its host {dyno.host} is being drained"
    if successor is not None and successor.created_at < dyno.created_at:
        return "the dyno that it was to replace stays"
    return "restarted"
