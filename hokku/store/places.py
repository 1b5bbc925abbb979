"""Which dyno wrote a line: the host and slot that the host's rsyslog stamped, and when, lead to the dyno's row."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import select

from hokku.store.engine import session
from hokku.store.tables import Dyno

# How far the clock of a dyno host may be behind that of the control host. A slot is not reused for far longer.
CLOCK_SKEW = timedelta(seconds=60)


@dataclass(frozen=True)
class Place:
    """The dyno that had a slot: its app, its name (web.1), since when, and until when (None: it still has it)."""

    app_id: UUID
    name: str
    since: datetime
    until: datetime | None


def place(host: str, slot: int, at: datetime) -> Place | None:
    """The dyno that had `slot` of `host` at that moment, or the last one before it; None when none ever had."""
    wanted = (
        select(Dyno.app_id, Dyno.type, Dyno.number, Dyno.created_at, Dyno.stopped_at)
        .where(Dyno.host == host, Dyno.slot == slot, Dyno.created_at <= at + CLOCK_SKEW)
        .order_by(Dyno.created_at.desc())
        .limit(1)
    )
    with session() as opened:
        row = opened.execute(wanted).first()
    return row and Place(row.app_id, f"{row.type}.{row.number}", row.created_at, row.stopped_at)
