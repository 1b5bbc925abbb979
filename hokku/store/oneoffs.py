"""One-off dynos that were asked for: each is a wish that the manifold takes up at most once.

The API (and the release phase) write wishes and ask for their end; the manifold alone claims them, in the transaction
that writes the dyno's row, and ends them. A wish has the id that its dyno will have.
"""

from __future__ import annotations

import uuid
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlalchemy import ForeignKey, Index, delete, select, text, update
from sqlalchemy.orm import Mapped, Session, mapped_column

from hokku.store import configs
from hokku.store.tables import Base, Dyno, DynoState, Release, _Row, now
from hokku.store.terminals import Terminal

TOLD = "\uffff heroku-command-exit-status: "  # what the CLI looks for


class Oneoff(_Row, Base):
    """`sealed` holds command and environment, encrypted; `status` is the exit status, once it is known."""

    __tablename__ = "oneoffs"
    __table_args__ = (Index("oneoffs_living", "app_id", postgresql_where=text("ended_at IS NULL")),)
    app_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("apps.id", ondelete="CASCADE"))
    release_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("releases.id", ondelete="CASCADE"))
    account_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("accounts.id", ondelete="SET NULL"))
    type: Mapped[str]
    number: Mapped[int]
    size: Mapped[str]
    sealed: Mapped[bytes]
    attach: Mapped[bool]
    time_to_live: Mapped[int]  # seconds
    claimed_at: Mapped[datetime | None]
    stop_requested_at: Mapped[datetime | None]
    ended_at: Mapped[datetime | None]
    status: Mapped[int | None]
    reason: Mapped[str | None]

    @property
    def name(self) -> str:
        """As users know it: run.1234"""
        return f"{self.type}.{self.number}"


@dataclass(frozen=True)
class Attachment:
    """How far an attached one-off is with its client: `ended` once its command is over, `status` how it exited."""

    connect_by: datetime
    connected: bool = False
    ended: bool = False
    status: int | None = None


@dataclass(frozen=True)
class OneoffSpec:
    """A wish as the manifold reads it. `attachment`: None for a detached one."""

    id: uuid.UUID
    app_id: uuid.UUID
    release_id: uuid.UUID
    version: int
    slug_id: uuid.UUID
    type: str
    number: int
    size: str
    created_at: datetime
    expires_at: datetime
    claimed: bool = False
    stop_requested: bool = False
    attachment: Attachment | None = None

    @property
    def name(self) -> str:
        """As users know it: run.1234"""
        return f"{self.type}.{self.number}"


@dataclass(frozen=True)
class Order:
    """What is to be run, and what goes over the release's environment.

    `told`: the client (`heroku run --exit-code`) finds the exit status behind the command's output.
    """

    command: str
    env: Mapping[str, str] = field(default_factory=dict, repr=False)
    told: bool = False

    @property
    def script(self) -> str:
        """What the shell gets. The command has one of its own when it is told: `exit 7` must not end the telling.

        A terminal's last line may not have got through the kernel when LXD sees the shell's end, and be lost then. The
        client leaves as soon as it was told, and the hang-up that follows must not take the place of the status.
        """
        if not self.told:
            return self.command
        told = f"trap '' HUP\necho \"{TOLD}$status\"\n[ ! -t 1 ] || sleep 0.1"
        return f"(\n{self.command}\n)\nstatus=$?\n{told}\nexit $status"


def seal(order: Order) -> bytes:
    """The order, encrypted."""
    return configs.seal({"command": order.command, "env": dict(order.env), "told": order.told})


def unseal(sealed: bytes) -> Order:
    """The order that was sealed."""
    return Order(**configs.unseal(sealed))


def load(opened: Session, app_ids: Collection[uuid.UUID] | None = None) -> dict[uuid.UUID, list[OneoffSpec]]:
    """The wishes that have not ended, of these apps or of all, by app, oldest first."""
    query = (
        select(Oneoff, Release.version, Release.slug_id, Terminal)
        .join(Release, Release.id == Oneoff.release_id)
        .outerjoin(Terminal, Terminal.id == Oneoff.id)
        .where(Oneoff.ended_at.is_(None), Release.slug_id.is_not(None))
        .order_by(Oneoff.created_at, Oneoff.id)
    )
    if app_ids is not None:
        query = query.where(Oneoff.app_id.in_(app_ids))
    found: dict[uuid.UUID, list[OneoffSpec]] = defaultdict(list)
    for row, version, slug_id, terminal in opened.execute(query):
        found[row.app_id].append(_spec(row, version, slug_id, terminal))
    return found


def _spec(row: Oneoff, version: int, slug_id: uuid.UUID, terminal: Terminal | None) -> OneoffSpec:
    attachment = None
    if row.attach and terminal is not None:
        ended = terminal.ended_at is not None
        attachment = Attachment(terminal.expires_at, terminal.connected_at is not None, ended, terminal.status)
    return OneoffSpec(
        row.id, row.app_id, row.release_id, version, slug_id, row.type, row.number, row.size, row.created_at,
        row.created_at + timedelta(seconds=row.time_to_live), row.claimed_at is not None,
        row.stop_requested_at is not None, attachment,
    )  # fmt: skip


def claim(opened: Session, oneoff_id: uuid.UUID) -> bool:
    """Take the wish up; False when that was done before, or it has ended. For the manifold alone."""
    wish = update(Oneoff).where(Oneoff.id == oneoff_id, Oneoff.claimed_at.is_(None), Oneoff.ended_at.is_(None))
    return opened.execute(wish.values(claimed_at=now(), updated_at=now())).rowcount == 1


def end(opened: Session, oneoff_id: uuid.UUID, status: int | None, reason: str) -> None:
    """It is over, and what it ran is no longer known. For the manifold alone."""
    ended = update(Oneoff).where(Oneoff.id == oneoff_id, Oneoff.ended_at.is_(None))
    moment = now()
    opened.execute(ended.values(ended_at=moment, status=status, reason=reason, sealed=b"", updated_at=moment))


def living(opened: Session, app_id: uuid.UUID) -> list[Oneoff]:
    """The app's one-offs that have not ended, oldest first."""
    query = select(Oneoff).where(Oneoff.app_id == app_id, Oneoff.ended_at.is_(None))
    return list(opened.scalars(query.order_by(Oneoff.created_at, Oneoff.id)))


def taken_numbers(opened: Session, app_id: uuid.UUID) -> set[int]:
    """The numbers that dynos of the app have."""
    rows = select(Dyno.number).where(Dyno.app_id == app_id, Dyno.state != DynoState.STOPPED)
    wishes = select(Oneoff.number).where(Oneoff.app_id == app_id, Oneoff.ended_at.is_(None))
    return set(opened.scalars(rows.union(wishes)))


def commands(opened: Session, ids: Iterable[uuid.UUID]) -> dict[uuid.UUID, str]:
    """The commands of those among `ids` that are one-offs: a dyno's own row does not hold a one-off's."""
    which = Oneoff.id.in_(list(ids)), Oneoff.ended_at.is_(None)
    rows = opened.execute(select(Oneoff.id, Oneoff.sealed).where(*which))
    return {oneoff_id: unseal(sealed).command for oneoff_id, sealed in rows}


def order(opened: Session, oneoff_id: uuid.UUID) -> Order:
    """What the one-off is to run; raises NoResultFound when it has ended."""
    which = Oneoff.id == oneoff_id, Oneoff.ended_at.is_(None)
    return unseal(opened.execute(select(Oneoff.sealed).where(*which)).scalar_one())


def request_stop(opened: Session, oneoff_ids: Collection[uuid.UUID]) -> None:
    """Ask the manifold to end them."""
    asked = update(Oneoff).where(Oneoff.id.in_(oneoff_ids), Oneoff.stop_requested_at.is_(None))
    opened.execute(asked.values(stop_requested_at=now(), updated_at=now()))


def forget(opened: Session, before: datetime) -> None:
    """Delete what ended before that moment."""
    opened.execute(delete(Oneoff).where(Oneoff.ended_at < before))
