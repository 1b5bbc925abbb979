"""Bringing the database to this version's schema, by Alembic's revisions."""

from __future__ import annotations

import logging
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from psycopg.errors import DeadlockDetected, LockNotAvailable
from sqlalchemy import Connection, text
from sqlalchemy.exc import OperationalError

from hokku.store.engine import engine

log = logging.getLogger(__name__)

PATIENCE = 10.0  # seconds that a lock is waited for: what waits for one holds up all that comes after it
_TRIES = 30
_LOCK = 0x686F6B6B  # one upgrade at a time, whichever control host starts it
_MIGRATIONS = Path(__file__).parent / "migrations"


def upgrade() -> bool:
    """Bring the database to the newest revision; whether anything was changed. Several hosts may call it at once.

    The platform may go on working meanwhile: what keeps a table for all tries raises OperationalError.
    """
    with engine().connect() as connection:
        connection.execute(text("SELECT pg_advisory_lock(:key)"), {"key": _LOCK})
        connection.commit()
        try:
            changed = _revisions(connection)
        finally:
            connection.rollback()
            connection.execute(text("SELECT pg_advisory_unlock(:key)"), {"key": _LOCK})
            connection.commit()
    return changed


def is_current() -> bool:
    """Whether the database is at the newest revision that this version knows."""
    head = ScriptDirectory.from_config(config()).get_current_head()
    with engine().connect() as connection:
        return MigrationContext.configure(connection).get_current_revision() == head


def config(connection: Connection | None = None) -> Config:
    """Alembic's configuration for the migrations in this package."""
    made = Config()
    made.set_main_option("script_location", str(_MIGRATIONS))
    made.attributes["connection"], made.attributes["patience"] = connection, PATIENCE
    return made


def _revisions(connection: Connection) -> bool:
    alembic = config(connection)
    head = ScriptDirectory.from_config(alembic).get_current_head()
    found = MigrationContext.configure(connection).get_current_revision()
    connection.commit()
    if found == head:
        return False
    for last in [False] * (_TRIES - 1) + [True]:
        try:
            command.upgrade(alembic, "head")
            connection.commit()
            break
        except OperationalError as error:
            connection.rollback()
            if last or not isinstance(error.orig, (LockNotAvailable, DeadlockDetected)):
                raise
            log.warning("a migration waits for those who use its table")
    return True
