"""The connection to PostgreSQL: one engine a process, sessions, and LISTEN/NOTIFY as "look now"."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Iterable, Iterator
from contextlib import contextmanager
from functools import cache

import psycopg
from sqlalchemy import Engine, create_engine, text
from sqlalchemy.orm import Session

from hokku.settings import settings

WANTED = "hokku_wanted"  # payload: app id; what is wanted of the app changed
ROLLOUT = "hokku_rollout"  # payload: app id; the manifold got further with the app
ONEOFF = "hokku_oneoff"  # payload: id; the one-off dyno is up, or it is no more
BUILD = "hokku_build"  # payload: build id; output was added or the status changed
CANCEL = "hokku_cancel"  # payload: build id; somebody wants it to end
PHASE = "hokku_phase"  # payload: release id; a release phase waits to begin
RELEASE = "hokku_release"  # payload: release id; its release phase said something or ended
DRAINS = "hokku_drains"  # payload: app id; a log drain was added or removed
WEBHOOKS = "hokku_webhooks"  # payload: app id; something changed that webhooks may tell of

_CONNECT = 10  # seconds

MANIFOLD = 0x6D616E69  # the advisory lock that the acting manifold holds


def _dsn() -> str:
    if settings().pgpass_file.exists():
        os.environ.setdefault("PGPASSFILE", str(settings().pgpass_file))
    return settings().database_url


@cache
def engine() -> Engine:
    """The engine of this process; a connection is checked before it is used, so a restart of PostgreSQL heals.

    Errors do not tell the values of a statement: they may be secrets.
    """
    url = _dsn().replace("postgresql://", "postgresql+psycopg://", 1)
    return create_engine(
        url, pool_pre_ping=True, pool_size=10, max_overflow=20, pool_timeout=10, hide_parameters=True,
        connect_args={"connect_timeout": _CONNECT},
    )  # fmt: skip


@contextmanager
def session(*, snapshot: bool = False) -> Iterator[Session]:
    """A session in one transaction: committed when the block ends, rolled back when it raises.

    `snapshot`: all that it reads is as of its first query; it is for reading only.
    """
    with Session(engine(), expire_on_commit=False) as opened, opened.begin():
        if snapshot:
            opened.connection(execution_options={"isolation_level": "REPEATABLE READ", "postgresql_readonly": True})
        yield opened


def notify(opened: Session, channel: str, payload: object) -> None:
    """Tell listeners of `channel` when this transaction commits. A lost notification costs seconds, never truth."""
    opened.execute(text("SELECT pg_notify(:channel, :payload)"), {"channel": channel, "payload": str(payload)})


def connect() -> psycopg.Connection:
    """A bare connection in autocommit mode, for LISTEN and advisory locks; the caller closes it."""
    return psycopg.connect(_dsn(), autocommit=True, connect_timeout=_CONNECT)


def check(connection: psycopg.Connection) -> None:
    """Raises psycopg.Error when the connection is lost, and with it its advisory locks."""
    connection.execute("SELECT 1")


def try_lock(connection: psycopg.Connection, key: int) -> bool:
    """Take an advisory lock for as long as the connection lives; False when somebody else has it."""
    row = connection.execute("SELECT pg_try_advisory_lock(%s)", (key,)).fetchone()
    return bool(row and row[0])


def is_held(opened: Session, key: int) -> bool:
    """Whether somebody has the advisory lock that `try_lock` takes."""
    query = text(
        "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND granted AND objsubid = 1"
        " AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
        " AND classid::bigint = :high AND objid::bigint = :low"
    )
    return bool(opened.scalar(query, {"high": key >> 32, "low": key & 0xFFFFFFFF}))


def services(opened: Session) -> set[str]:
    """The platform's processes that have a connection now, by the names they gave: hokku-builder@control1."""
    query = "SELECT DISTINCT application_name FROM pg_stat_activity WHERE datname = current_database()"
    return {name for name in opened.scalars(text(query)) if name and name.startswith("hokku-")}


def ping() -> None:
    """Raises SQLAlchemyError when PostgreSQL does not answer."""
    with engine().connect() as connection:
        connection.execute(text("SELECT 1"))


async def hear(channels: Iterable[str]) -> AsyncIterator[psycopg.Notify | None]:
    """None once it listens, then the notifications of `channels`, for asyncio; raises psycopg.Error when it breaks."""
    url = engine().url.set(drivername="postgresql").render_as_string(hide_password=False)
    async with await psycopg.AsyncConnection.connect(url, autocommit=True) as connection:
        for channel in channels:
            await connection.execute(psycopg.sql.SQL("LISTEN {}").format(psycopg.sql.Identifier(channel)))
        yield None
        async for note in connection.notifies():
            yield note


def listen(channels: tuple[str, ...], timeout: float) -> Iterator[psycopg.Notify | None]:
    """Notifications of `channels`, for ever; None after each `timeout` seconds without one."""
    with connect() as connection:
        for channel in channels:
            connection.execute(psycopg.sql.SQL("LISTEN {}").format(psycopg.sql.Identifier(channel)))
        while True:
            got = False
            for note in connection.notifies(timeout=timeout, stop_after=1):
                got = True
                yield note
            if not got:
                yield None
