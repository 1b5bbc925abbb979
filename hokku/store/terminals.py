"""Terminals: a command to be executed in a dyno for one client that comes with a secret (or for a worker of ours).

A terminal that belongs to an attached one-off dyno has its id; one of `run:inside` has an id of its own. A secret opens
one connection, and is gone from the table with it.
"""

from __future__ import annotations

import secrets
import uuid
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ForeignKey, Index, delete, func, select, text, update
from sqlalchemy.orm import Mapped, Session, mapped_column

from hokku.store.accounts import hash_token
from hokku.store.engine import WANTED, notify
from hokku.store.tables import Account, Base, Dyno, DynoState, _Row, now

CONNECT = 60.0  # seconds that a client has to come (Heroku's R13)
SECRET_LENGTH = 43  # characters of a secret


class Terminal(_Row, Base):
    """`sealed` holds command and environment, encrypted. `server` is the process that serves it, `seen_at` when it
    last said so; `status` is the command's exit status, once it is known."""

    __tablename__ = "terminals"
    __table_args__ = (
        Index("terminals_open", "server", postgresql_where=text("connected_at IS NOT NULL AND ended_at IS NULL")),
    )
    app_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("apps.id", ondelete="CASCADE"), index=True)
    dyno_id: Mapped[uuid.UUID]
    account_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("accounts.id", ondelete="SET NULL"))
    sealed: Mapped[bytes]
    tty: Mapped[bool]
    secret_hash: Mapped[str | None] = mapped_column(unique=True)
    expires_at: Mapped[datetime]
    server: Mapped[str | None]
    connected_at: Mapped[datetime | None]
    seen_at: Mapped[datetime | None]
    ended_at: Mapped[datetime | None]
    status: Mapped[int | None]


@dataclass(frozen=True)
class Place:
    """Where a dyno is, and whether it is up."""

    up: bool
    host: str
    instance: str
    name: str


class Over(Exception):
    """The terminal has ended, or its dyno has; the text says why."""


def create(
    opened: Session,
    app_id: uuid.UUID,
    dyno_id: uuid.UUID,
    account_id: uuid.UUID | None,
    sealed: bytes,
    *,
    tty: bool,
    own: bool,
    secret: bool = True,
) -> str | None:
    """A terminal in the dyno; `own`: the one-off dyno is made for it. Returns its secret, which is told once.

    Without `secret` nobody can come from outside: it is for a worker that knows the id.
    """
    word = secrets.token_urlsafe(32) if secret else None
    terminal = Terminal(
        app_id=app_id, dyno_id=dyno_id, account_id=account_id, sealed=sealed, tty=tty,
        secret_hash=hash_token(word) if word else None, expires_at=now() + timedelta(seconds=CONNECT),
    )  # fmt: skip
    if own:
        terminal.id = dyno_id
    opened.add(terminal)
    opened.flush()
    return word


def connect(opened: Session, server: str, *, secret: str | None = None, id: uuid.UUID | None = None) -> Terminal | None:
    """The terminal of the secret (or with the id), which is `server`'s from now on.

    None when there is none, when somebody came before, or when it is too late.
    """
    which = Terminal.secret_hash == hash_token(secret) if secret is not None else Terminal.id == id
    moment = now()
    taken = (
        update(Terminal)
        .where(which, Terminal.connected_at.is_(None), Terminal.ended_at.is_(None), Terminal.expires_at > moment)
        .values(server=server, connected_at=moment, seen_at=moment, secret_hash=None, updated_at=moment)
        .returning(Terminal.id)
    )
    found = opened.execute(taken).scalar_one_or_none()
    return opened.get(Terminal, found, populate_existing=True) if found else None


def inside(opened: Session, app_id: uuid.UUID) -> int:
    """How many commands are under way in running dynos of the app, or still wait for their client."""
    waits = Terminal.connected_at.is_(None) & (Terminal.expires_at > now())
    query = select(func.count()).where(
        Terminal.app_id == app_id,
        Terminal.id != Terminal.dyno_id,
        Terminal.ended_at.is_(None),
        waits | Terminal.connected_at.is_not(None),
    )
    return opened.scalar(query) or 0


def place(opened: Session, terminal: Terminal) -> Place | None:
    """Where the terminal's dyno is; None when it has no row yet. Raises Over when the terminal is of no use."""
    if opened.scalar(select(Terminal.ended_at).where(Terminal.id == terminal.id)) is not None:
        raise Over("it has ended")
    row = opened.get(Dyno, terminal.dyno_id, populate_existing=True)
    if row is None:
        if terminal.id != terminal.dyno_id:
            raise Over("the dyno is gone")
        return None
    if row.state not in (DynoState.STARTING, DynoState.UP):
        raise Over(row.reason or f"the dyno is {row.state}")
    return Place(row.state is DynoState.UP, row.host, row.instance, f"{row.type}.{row.number}")


def email(opened: Session, terminal: Terminal) -> str | None:
    """Who asked for it."""
    account = opened.get(Account, terminal.account_id) if terminal.account_id else None
    return account.email if account else None


def seen(opened: Session, server: str, ids: Collection[uuid.UUID]) -> None:
    """`server` still serves these."""
    opened.execute(update(Terminal).where(Terminal.id.in_(ids), Terminal.server == server).values(seen_at=now()))


def end(opened: Session, terminal: Terminal, status: int | None) -> None:
    """Its command is over, or will never run; the manifold is told."""
    end_id(opened, terminal.id, status)
    notify(opened, WANTED, terminal.app_id)


def end_id(opened: Session, terminal_id: uuid.UUID, status: int | None = None) -> None:
    """The terminal with this id, if there is one, is over."""
    moment = now()
    over = update(Terminal).where(Terminal.id == terminal_id, Terminal.ended_at.is_(None))
    opened.execute(over.values(ended_at=moment, status=status, secret_hash=None, sealed=b"", updated_at=moment))


def end_of(opened: Session, servers: str) -> int:
    """End what servers had whose names begin like this, and that are no more; how many there were."""
    return _abandon(opened, Terminal.server.startswith(servers, autoescape=True))


def end_silent(opened: Session, before: datetime) -> int:
    """End those of which their server has said nothing since that moment; how many there were."""
    return _abandon(opened, Terminal.seen_at < before)


def _abandon(opened: Session, which: object) -> int:
    query = select(Terminal).where(Terminal.connected_at.is_not(None), Terminal.ended_at.is_(None), which)
    found = list(opened.scalars(query))
    for terminal in found:
        end(opened, terminal, None)
    return len(found)


def forget(opened: Session, before: datetime) -> None:
    """Delete those that are over, and those nobody came for, since that moment."""
    opened.execute(delete(Terminal).where(Terminal.expires_at < before, Terminal.connected_at.is_(None)))
    opened.execute(delete(Terminal).where(Terminal.ended_at < before))
