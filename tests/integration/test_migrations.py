"""The database is brought to a new schema while the platform goes on using it."""

from __future__ import annotations

import threading
import uuid

import pytest
from sqlalchemy import create_engine, text

from hokku.store import migrate


@pytest.fixture
def old(platform, monkeypatch):
    """The engine of a database as an older version left it."""
    name = f"old{uuid.uuid4().hex[:8]}"
    url = platform.database_url.replace("postgresql://", "postgresql+psycopg://")
    admin = create_engine(url, isolation_level="AUTOCOMMIT")
    with admin.connect() as connection:
        connection.execute(text(f"CREATE DATABASE {name}"))
    engine = create_engine(admin.url.set(database=name))
    with engine.connect() as connection:
        migrate.command.upgrade(migrate.config(connection), "0012")
    monkeypatch.setattr(migrate, "engine", lambda: engine)
    yield engine
    engine.dispose()
    with admin.connect() as connection:
        connection.execute(text(f"DROP DATABASE {name} WITH (FORCE)"))
    admin.dispose()


def revision(engine) -> str:
    with engine.connect() as connection:
        return connection.scalar(text("SELECT version_num FROM alembic_version"))


def test_a_table_that_is_in_use_is_tried_again_and_what_went_before_stays(old, monkeypatch):
    monkeypatch.setattr(migrate, "PATIENCE", 0.5)
    waited = threading.Event()
    monkeypatch.setattr(migrate.log, "warning", lambda *_: waited.set())
    upgrading = threading.Thread(target=migrate.upgrade)
    with old.connect() as user:
        user.execute(text("SELECT id FROM builds"))  # a transaction that reads it, and takes its time
        upgrading.start()
        assert waited.wait(20), "the migration did not notice that its table is in use"
        assert revision(old) == "0014", "a migration is a transaction of its own"
        with old.connect() as other:
            assert other.scalar(text("SELECT count(*) FROM apps")) == 0, "others are not held up"
        user.rollback()
    upgrading.join(30)
    assert not upgrading.is_alive()
    with old.connect() as connection:
        assert connection.scalar(text("SELECT count(*) FROM decisions")) == 0


def test_a_table_that_nobody_lets_go_of_ends_the_upgrade(old, monkeypatch):
    monkeypatch.setattr(migrate, "PATIENCE", 0.2)
    monkeypatch.setattr(migrate, "_TRIES", 2)
    with old.connect() as user:
        user.execute(text("SELECT id FROM builds"))
        with pytest.raises(migrate.OperationalError, match="lock timeout"):
            migrate.upgrade()
    assert migrate.upgrade() is True
