"""The manifold's report of its dynos: those that live, and for a while those that stopped."""

from __future__ import annotations

import uuid
from collections.abc import Collection
from datetime import datetime

from sqlalchemy import Select, delete, select, update
from sqlalchemy.orm import Session

from hokku.store.tables import Dyno, DynoState, Release, now


def live(opened: Session, app_ids: Collection[uuid.UUID] | None = None) -> list[tuple[Dyno, int]]:
    """The dynos that did not stop, of these apps or of all, each with the version of its release."""
    query = select(Dyno, Release.version).join(Release, Release.id == Dyno.release_id)
    query = query.where(Dyno.state != DynoState.STOPPED).order_by(Dyno.created_at, Dyno.id)
    if app_ids is not None:
        query = query.where(Dyno.app_id.in_(app_ids))
    return [(dyno, version) for dyno, version in opened.execute(query)]


def of_app(app_id: uuid.UUID) -> Select[tuple[Dyno]]:
    """The app's dynos that did not stop."""
    return select(Dyno).where(Dyno.app_id == app_id, Dyno.state != DynoState.STOPPED)


def by_identity(opened: Session, app_id: uuid.UUID, identity: str) -> list[Dyno]:
    """Those with this id or name (`web.1`): two have one name while a deploy replaces one by the other."""
    query = of_app(app_id)
    try:
        query = query.where(Dyno.id == uuid.UUID(identity))
    except ValueError:
        kind, _, number = identity.rpartition(".")
        if not (number.isascii() and number.isdigit() and len(number) < 9):
            return []
        query = query.where(Dyno.type == kind, Dyno.number == int(number))
    return list(opened.scalars(query.order_by(Dyno.created_at)))


def slots(opened: Session) -> dict[str, dict[int, datetime | None]]:
    """By host: every slot a row stands for, with the moment its last dyno stopped, or None while one lives there."""
    found: dict[str, dict[int, datetime | None]] = {}
    rows = opened.execute(select(Dyno.host, Dyno.slot, Dyno.state, Dyno.stopped_at, Dyno.updated_at))
    for host, slot, state, stopped_at, updated_at in rows:
        taken = found.setdefault(host, {})
        if state is not DynoState.STOPPED:
            taken[slot] = None
        elif slot not in taken or taken[slot] is not None:
            ended = stopped_at or updated_at
            taken[slot] = max(taken.get(slot) or ended, ended)
    return found


def add(opened: Session, dyno: Dyno) -> None:
    """Write a new dyno down, before anything of it exists."""
    opened.add(dyno)
    opened.flush()


def change(opened: Session, dyno_id: uuid.UUID, **values: object) -> None:
    """Set columns of one dyno."""
    opened.execute(update(Dyno).where(Dyno.id == dyno_id).values(updated_at=now(), **values))


def stopped(opened: Session, dyno_id: uuid.UUID, reason: str) -> None:
    """The dyno is no more; its row stays for its slot's and its late log lines' sake."""
    change(opened, dyno_id, state=DynoState.STOPPED, stopped_at=now(), reason=reason, retry_at=None)


def forget(opened: Session, before: datetime) -> int:
    """Delete the rows of dynos that stopped before that moment; how many there were."""
    gone = delete(Dyno).where(Dyno.state == DynoState.STOPPED, Dyno.stopped_at < before)
    return opened.execute(gone).rowcount
