"""A deploy: which dynos each release is to have, which of them are routed to, and what is decided of a release."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from hokku.manifold.model import WEB, DynoView, Presence, Trouble
from hokku.store.tables import DynoState
from hokku.store.wanted import AppSpec, ReleaseSpec, TypeSpec

ENOUGH = 5  # attempts to make a dyno that fail for the platform's reasons, before a release is given up


@dataclass(frozen=True)
class Promote:
    """The candidate becomes the current release. `error`: it did not boot, but there is none to go back to."""

    release: ReleaseSpec
    error: str | None = None


@dataclass(frozen=True)
class Fail:
    """The release never becomes current."""

    release_id: uuid.UUID
    error: str


@dataclass(frozen=True)
class Serving:
    """Every web dyno wanted of the current release is routed to everywhere, and no other."""

    release: ReleaseSpec


def targets(app: AppSpec, kind: str) -> list[ReleaseSpec]:
    """The releases that are to have dynos of the type: the current one, and for web the candidate beside it."""
    if app.archived_at is not None or kind not in app.formation:
        return []
    chosen = (app.current, app.candidate if kind == WEB else None)
    return [release for release in chosen if release is not None]


def quantity(app: AppSpec, release: ReleaseSpec, kind: str) -> int:
    """How many dynos of the type the release is to have: none of a type that its slug does not have."""
    spec = app.formation.get(kind)
    return spec.quantity if spec is not None and kind in release.process_types and app.archived_at is None else 0


def holder(release: ReleaseSpec, spec: TypeSpec, kind: str, number: int, dynos: Sequence[DynoView]) -> DynoView | None:
    """The release's dyno of that type and number; of several the best: up, starting, crashed; then the oldest."""
    order = {DynoState.UP: 0, DynoState.STARTING: 1, DynoState.CRASHED: 2}
    fresh = [
        dyno for dyno in dynos
        if (dyno.release_id, dyno.type, dyno.number, dyno.size) == (release.id, kind, number, spec.size)
        and dyno.state in order and not dyno.stop_requested
        and (spec.restarted_at is None or dyno.created_at >= spec.restarted_at)
    ]  # fmt: skip
    return min(fresh, key=lambda dyno: (order[dyno.state], dyno.created_at, dyno.id), default=None)


def publishable(app: AppSpec, dynos: Sequence[DynoView]) -> list[DynoView]:
    """The web dynos that routers are to send requests to.

    A candidate's dynos count only once all of them are up: until then the current release alone answers. Once every
    router has all of them, they alone answer: a release is told as succeeded when no other answers any more.
    """
    up = [dyno for dyno in dynos if dyno.type == WEB and dyno.up and not dyno.lost]
    waiting = app.candidate.id if app.candidate else None
    if _relieves(app, dynos):
        return [dyno for dyno in up if dyno.release_id == waiting]
    ready = all(dyno is not None and dyno.up for dyno in _holders(app, app.candidate, dynos))
    current = app.current.version if app.current else 0
    return [dyno for dyno in up if dyno.version <= current or (dyno.release_id == waiting and ready)]


def _relieves(app: AppSpec, dynos: Sequence[DynoView]) -> bool:
    """Whether the candidate's web dynos, one at least, all serve: the current release's have nothing left to do."""
    holders = _holders(app, app.candidate, dynos)
    return bool(holders) and _all_serve(holders)


def _all_serve(holders: Sequence[DynoView | None]) -> bool:
    return all(dyno is not None and dyno.serves for dyno in holders)


def _others(release: ReleaseSpec, dynos: Sequence[DynoView]) -> list[DynoView]:
    """The web dynos of other releases that a router may still send requests to."""
    return [dyno for dyno in dynos if dyno.type == WEB and dyno.release_id != release.id and not dyno.unrouted]


def _holders(app: AppSpec, release: ReleaseSpec | None, dynos: Sequence[DynoView]) -> list[DynoView | None]:
    if release is None or WEB not in app.formation:
        return []
    spec = app.formation[WEB]
    return [holder(release, spec, WEB, number, dynos) for number in range(1, quantity(app, release, WEB) + 1)]


def verdict(
    app: AppSpec,
    dynos: Sequence[DynoView],
    rolling: uuid.UUID | None,
    troubles: Mapping[tuple[uuid.UUID, str, int], Trouble],
) -> list[Promote | Fail | Serving]:
    """What is decided of the app's releases now."""
    if app.archived_at is not None:
        return []
    found: list[Promote | Fail | Serving] = [
        Fail(release_id, f"superseded by v{version}") for release_id, version in app.superseded
    ]
    candidate = app.candidate
    if candidate is not None:
        holders = _holders(app, candidate, dynos)
        error = _broken(candidate, holders, troubles)
        if _all_serve(holders):
            if not holders or not _others(candidate, dynos):
                found.append(Promote(candidate))
        elif error and app.current is not None:
            found.append(Fail(candidate.id, error))
        elif error:
            found.append(Promote(candidate, error))
    elif app.current is not None and rolling == app.current.id:
        holders = _holders(app, app.current, dynos)
        if _all_serve(holders) and not _others(app.current, dynos):
            found.append(Serving(app.current))
    return found


def _broken(
    candidate: ReleaseSpec,
    holders: Sequence[DynoView | None],
    troubles: Mapping[tuple[uuid.UUID, str, int], Trouble],
) -> str | None:
    """Why the candidate cannot boot, if it cannot."""
    for dyno in holders:
        if dyno is not None and dyno.state is DynoState.CRASHED:
            return f"{dyno.name} did not boot: {dyno.doom or 'it crashed'}"
    for (release_id, kind, number), trouble in troubles.items():
        if release_id == candidate.id and (trouble.final or trouble.count >= ENOUGH):
            return f"{kind}.{number} could not be made: {trouble.reason}"
    return None


def leaving(app: AppSpec, dynos: Sequence[DynoView]) -> list[DynoView]:
    """The web dynos that routers still know but send nothing new to."""
    known = (Presence.RUNNING, Presence.UNKNOWN, Presence.BUSY)
    relieved = _relieves(app, dynos)
    waiting = app.candidate.id if app.candidate else None
    return [
        dyno for dyno in dynos
        if dyno.type == WEB and not dyno.terminated_at and not dyno.lost and dyno.presence in known
        and (dyno.state is DynoState.STOPPING or (relieved and dyno.up and dyno.release_id != waiting))
    ]  # fmt: skip
