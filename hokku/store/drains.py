"""Log drains of apps. The URL may hold credentials: it is sealed."""

from __future__ import annotations

import uuid

from sqlalchemy import BigInteger, ForeignKey, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from hokku.store import sealed
from hokku.store.tables import App, Base, _Row


class Drain(_Row, Base):
    """`after` is the number of the app's newest line when the drain was added; None: nobody could tell."""

    __tablename__ = "drains"
    app_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("apps.id", ondelete="CASCADE"), index=True)
    token: Mapped[str] = mapped_column(unique=True)
    url_sealed: Mapped[str]
    after: Mapped[int | None] = mapped_column(BigInteger)

    @property
    def url(self) -> str:
        """Where the lines go."""
        return sealed.unseal(self.url_sealed)


def of_app(opened: Session, app_id: uuid.UUID, lock: bool = False) -> list[Drain]:
    """The app's drains, oldest first; with `lock` nobody else adds one until this transaction ends."""
    if lock:
        opened.execute(select(App.id).where(App.id == app_id).with_for_update())
    return list(opened.scalars(select(Drain).where(Drain.app_id == app_id).order_by(Drain.created_at)))


def everyones(opened: Session) -> list[Drain]:
    """The drains of all apps."""
    return list(opened.scalars(select(Drain)))


def create(opened: Session, app_id: uuid.UUID, url: str, after: int | None) -> Drain:
    """A new drain of the app, with a token of its own."""
    row = Drain(app_id=app_id, token=f"d.{uuid.uuid4()}", url_sealed=sealed.seal(url), after=after)
    opened.add(row)
    opened.flush()
    return row
