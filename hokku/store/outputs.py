"""What a command says, kept in chunks: of builds and of release phases, each in a table of its own."""

from __future__ import annotations

import uuid
from datetime import timedelta
from typing import Any

from sqlalchemy import ColumnElement, delete, func, or_, select
from sqlalchemy.orm import InstrumentedAttribute, Session

from hokku.store.engine import notify
from hokku.store.tables import Base, now

KEPT = timedelta(days=30)  # after its end
MOST = 50  # outputs that an app has, of those that ended


class Outputs:
    """The outputs in table `chunks`, whose column `owner` says whose each chunk is; readers listen to `channel`."""

    def __init__(self, chunks: type[Base], owner: InstrumentedAttribute[uuid.UUID], channel: str) -> None:
        self._chunks, self._owner, self._channel = chunks, owner, channel
        self._seq: Any = chunks.seq
        self._text: Any = chunks.chunk

    def append(self, opened: Session, owner_id: uuid.UUID, chunk: str) -> None:
        """Add to the output and tell its readers. PostgreSQL's text holds no NUL, so those are dropped."""
        opened.add(self._chunks(**{self._owner.key: owner_id, "chunk": chunk.replace("\x00", "")}))
        notify(opened, self._channel, owner_id)

    def after(self, opened: Session, owner_id: uuid.UUID, last: int = 0) -> tuple[int, str]:
        """What was said after chunk `last` (all of it, after 0): the newest chunk's number, and the text."""
        rows = opened.execute(
            select(self._seq, self._text).where(self._owner == owner_id, self._seq > last).order_by(self._seq)
        ).all()
        return (rows[-1][0] if rows else last), "".join(text for _, text in rows)

    def trim(
        self,
        opened: Session,
        which: InstrumentedAttribute[uuid.UUID],
        app_id: InstrumentedAttribute[uuid.UUID],
        ended: InstrumentedAttribute[Any],
        over: ColumnElement[bool],
    ) -> None:
        """Delete the outputs of what is `over`, that ended longer than KEPT ago or is not among its app's MOST newest.

        The first three are columns of the table of those whose outputs they are.
        """
        said = select(self._owner).where(self._owner == which).exists()
        place = func.row_number().over(partition_by=app_id, order_by=ended.desc())
        ranked = select(which.label("id"), ended.label("ended"), place.label("place")).where(over, said).subquery()
        old = select(ranked.c.id).where(or_(ranked.c.ended < now() - KEPT, ranked.c.place > MOST))
        opened.execute(delete(self._chunks).where(self._owner.in_(old)))
