"""What the manifold decided of an app's dynos, and why: for `why`. The newest thousand of an app are kept."""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import BigInteger, ForeignKey, Identity, Index, delete, insert, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from hokku.store.tables import App, Base, Dyno, now

KEPT = 1000  # of an app
SHOWN = 200  # of a place: one page of the API


class DecisionRow(Base):
    """One decision; `seq` is their order. `host` is the dyno's, or the chosen one; None where there is none."""

    __tablename__ = "decisions"
    __table_args__ = (Index("decisions_of_app", "app_id", "seq"),)
    seq: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    id: Mapped[uuid.UUID] = mapped_column(default=uuid.uuid4)
    app_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("apps.id", ondelete="CASCADE"))
    created_at: Mapped[datetime] = mapped_column(default=now)
    type: Mapped[str]
    number: Mapped[int]
    host: Mapped[str | None]
    decision: Mapped[str]
    reason: Mapped[str]


@dataclass(frozen=True)
class Decision:
    """What was decided of the place `type`.`number` of an app; `reason` is one sentence."""

    app_id: uuid.UUID
    type: str
    number: int
    host: str | None
    decision: str
    reason: str
    at: datetime


def keep(opened: Session, made: Iterable[Decision]) -> None:
    """Write decisions down, but those of apps that are gone, and delete the oldest where an app has too many."""
    told = list(made)
    there = select(App.id).where(App.id.in_({each.app_id for each in told})).with_for_update(read=True, key_share=True)
    apps = set(opened.scalars(there)) if told else set()
    rows = [
        {
            "id": uuid.uuid4(), "app_id": each.app_id, "created_at": each.at, "type": each.type, "number": each.number,
            "host": each.host, "decision": each.decision, "reason": each.reason,
        }
        for each in told if each.app_id in apps
    ]  # fmt: skip
    if not rows:
        return
    opened.execute(insert(DecisionRow), rows)
    for app_id in apps:
        oldest = select(DecisionRow.seq).where(DecisionRow.app_id == app_id).order_by(DecisionRow.seq.desc())
        kept = oldest.offset(KEPT - 1).limit(1).scalar_subquery()
        opened.execute(delete(DecisionRow).where(DecisionRow.app_id == app_id, DecisionRow.seq < kept))


def of_place(opened: Session, app_id: uuid.UUID, kind: str, number: int) -> list[DecisionRow]:
    """The decisions about the app's dyno `kind`.`number`, whichever had that name: newest first, SHOWN at most."""
    query = select(DecisionRow).where(
        DecisionRow.app_id == app_id, DecisionRow.type == kind, DecisionRow.number == number
    )
    return list(opened.scalars(query.order_by(DecisionRow.seq.desc()).limit(SHOWN)))


def place_of(opened: Session, app_id: uuid.UUID, identity: str) -> tuple[str, int] | None:
    """Type and number that a dyno's id, also that of one that stopped, or a name such as web.1 stands for.

    None for the id of no dyno of the app, and for what is no name.
    """
    try:
        which = uuid.UUID(identity)
    except ValueError:
        kind, _, number = identity.rpartition(".")
        return (kind, int(number)) if kind and number.isascii() and number.isdigit() and len(number) < 9 else None
    row = opened.execute(select(Dyno.type, Dyno.number).where(Dyno.app_id == app_id, Dyno.id == which)).one_or_none()
    return (row.type, row.number) if row else None
