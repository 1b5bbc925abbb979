"""Bringing the database to this version's schema, by Alembic's revisions."""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, text

from hokku.store.engine import engine

_LOCK = 0x686F6B6B  # one upgrade at a time, whichever control host starts it
_MIGRATIONS = Path(__file__).parent / "migrations"


def upgrade() -> bool:
    """Bring the database to the newest revision; whether anything was changed. Several hosts may call it at once."""
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
    made.attributes["connection"] = connection
    return made


def _revisions(connection: Connection) -> bool:
    alembic = config(connection)
    head = ScriptDirectory.from_config(alembic).get_current_head()
    found = MigrationContext.configure(connection).get_current_revision()
    connection.commit()
    if found == head:
        return False
    command.upgrade(alembic, "head")
    connection.commit()
    return True
