"""What to do next for an app's one-off dynos: wishes, dynos and the time in, actions out.

A wish is taken up at most once. It is claimed in the transaction that writes the dyno's row, before anything of the
dyno exists, and from then on only brought to an end: whatever dies on the way, nothing is started a second time.
"""

from __future__ import annotations

import uuid
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from hokku.manifold.model import DynoView, Presence
from hokku.manifold.plan import R12, Action, Bury, Kill, Limits, MarkUp, Retire, Terminate
from hokku.store.oneoffs import OneoffSpec
from hokku.store.tables import DynoState
from hokku.store.wanted import AppSpec

R13 = "Error R13 (Attach error) -> Failed to attach to process"
PATIENCE = 120.0  # seconds after which a wish that no host could take is given up
TERMINATED, KILLED = 143, 137  # exit statuses of what a signal ended


@dataclass(frozen=True)
class Begin:
    """Claim the wish, and make and start its dyno."""

    wish: OneoffSpec


@dataclass(frozen=True)
class GiveUp:
    """The wish ends without a dyno."""

    wish: OneoffSpec
    reason: str


@dataclass(frozen=True)
class Complete:
    """The dyno is no more: its row and its wish are closed. `status` None: not known, or its command never ran."""

    wish: OneoffSpec
    dyno: DynoView
    status: int | None
    reason: str


OneoffAction = Action | Begin | GiveUp | Complete


def plan(
    app: AppSpec,
    wishes: Iterable[OneoffSpec],
    dynos: Mapping[uuid.UUID, DynoView],
    now: datetime,
    limits: Limits,
    *,
    paused: Collection[uuid.UUID] = (),
) -> list[OneoffAction]:
    """The actions that are due now.

    `dynos`: those that have a row, by id. `paused`: wishes that no host could take a moment ago.
    """
    actions: list[OneoffAction] = []
    for wish in wishes:
        dyno = dynos.get(wish.id)
        action = _wish(app, wish, now, wish.id in paused) if dyno is None else _dyno(app, wish, dyno, now, limits)
        if action is not None:
            actions.append(action)
    return actions


def _wish(app: AppSpec, wish: OneoffSpec, now: datetime, paused: bool) -> OneoffAction | None:
    """What is due for a wish that has no dyno."""
    if wish.claimed:
        return GiveUp(wish, "could not be started")
    reason = _unwanted(app, wish, wish.stop_requested, now)
    if reason is None and _nobody_came(wish, now):
        reason = R13
    if reason is None and now - wish.created_at >= timedelta(seconds=PATIENCE):
        reason = "could not be started: no dyno host could take it"
    if reason is not None:
        return GiveUp(wish, reason)
    return None if paused else Begin(wish)


def _dyno(app: AppSpec, wish: OneoffSpec, dyno: DynoView, now: datetime, limits: Limits) -> OneoffAction | None:
    """What is due for a dyno that was made for the wish."""
    told = wish.attachment.status if wish.attachment else None
    if dyno.lost:
        return Complete(wish, dyno, told, f"its host {dyno.host} is offline")
    if dyno.ended is not None:
        return _complete(wish, dyno, told)
    if dyno.presence in (Presence.STOPPED, Presence.GONE):
        return Bury(dyno, told if told is not None or not dyno.terminated_at else TERMINATED)
    if dyno.presence is not Presence.RUNNING:
        return None
    if wish.attachment is not None and wish.attachment.ended:
        return Bury(dyno, KILLED if told is None else told)
    if dyno.state is DynoState.STOPPING:
        if dyno.terminated_at is None:
            return Terminate(dyno)
        late = now - dyno.terminated_at >= timedelta(seconds=limits.stop)
        return Kill(dyno, R12.format(limits.stop)) if late else None
    reason = _unwanted(app, wish, dyno.stop_requested or wish.stop_requested, now)
    if reason is not None:
        return Retire(dyno, reason)
    if _nobody_came(wish, now):
        return Kill(dyno, R13)
    return MarkUp(dyno) if dyno.state is DynoState.STARTING else None


def _unwanted(app: AppSpec, wish: OneoffSpec, stop_requested: bool, now: datetime) -> str | None:
    if app.archived_at is not None:
        return "the app was deleted"
    if stop_requested:
        return "stopped on request"
    if now >= wish.expires_at:
        return "its time to live is over"
    return None


def _nobody_came(wish: OneoffSpec, now: datetime) -> bool:
    there = wish.attachment
    return there is not None and not there.connected and now >= there.connect_by


def _complete(wish: OneoffSpec, dyno: DynoView, told: int | None) -> Complete:
    assert dyno.ended is not None
    status = told if told is not None else dyno.ended.status
    if status is None and dyno.state is DynoState.STARTING and not dyno.doom:
        return Complete(wish, dyno, None, dyno.ended.why or "could not be started")
    if status is None:
        status = TERMINATED if dyno.terminated_at and not dyno.doom else KILLED
    return Complete(wish, dyno, status, dyno.doom or f"its process exited with status {status}")
