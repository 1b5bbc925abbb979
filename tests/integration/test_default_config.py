"""Config vars that buildpacks declare (Rails' SECRET_KEY_BASE is one) are kept sealed, and reach dynos alone."""

from __future__ import annotations

import json
import uuid

from alembic import command
from sqlalchemy import create_engine, text

from hokku import release as cut
from hokku.release import promote
from hokku.store import configs, migrate, slugs, wanted
from hokku.store.engine import session
from hokku.store.tables import App, Slug
from tests.integration.test_api_apps import fresh

SECRET = "d3c0ded0"


def test_what_a_buildpack_declared_reaches_dynos_and_stands_nowhere_in_clear(api):
    source, target = fresh(api), fresh(api)
    with session() as opened:
        stored = slugs.keep([b"slug"], 100)
        app = opened.get_one(App, uuid.UUID(source["id"]))
        slug = slugs.create(
            opened, app.id, stored, stack="debian-12", process_types={"web": "x"},
            default_config={"SECRET_KEY_BASE": SECRET},
        )  # fmt: skip
        released = cut.deploy(opened, app, slug, None)
        promoted = promote(opened, app, released, opened.get_one(App, uuid.UUID(target["id"])), None)
    for made in (released, promoted):
        with session() as opened:
            assert wanted.payload(opened, made.id).environment["SECRET_KEY_BASE"] == SECRET
            row = opened.execute(text("SELECT s::text FROM slugs s WHERE id = :id"), {"id": made.slug_id}).scalar_one()
            sealed = opened.get_one(Slug, made.slug_id).default_config_sealed
        assert SECRET not in row
        assert SECRET.encode() not in sealed
        assert SECRET.encode().hex() not in row
    path = f"/apps/{source['name']}"
    for shown in (f"{path}/slugs/{slug.id}", f"{path}/releases", f"{path}/config-vars"):
        answer = api.get(shown)
        assert answer.is_success
        assert "SECRET_KEY_BASE" not in answer.text
        assert SECRET not in answer.text


def test_a_slug_without_such_config_vars_has_none(platform):
    assert slugs.default_config(Slug()) == {}


def test_what_stood_there_in_clear_is_sealed_by_the_migration_and_opened_by_its_way_back(platform):
    name = f"old{uuid.uuid4().hex[:8]}"
    admin = create_engine(
        platform.database_url.replace("postgresql://", "postgresql+psycopg://"), isolation_level="AUTOCOMMIT"
    )
    with admin.connect() as connection:
        connection.execute(text(f"CREATE DATABASE {name}"))
    engine = create_engine(admin.url.set(database=name))
    try:
        with engine.connect() as connection:
            alembic = migrate.config(connection)
            command.upgrade(alembic, "0012")
            ids = _slugs(connection)
            connection.commit()
            command.upgrade(alembic, "0013")
            connection.commit()
            rows = dict(connection.execute(text("SELECT id, default_config_sealed FROM slugs")).all())
            assert rows[ids[1]] is None
            assert SECRET.encode() not in bytes(rows[ids[0]])
            assert configs.unseal(rows[ids[0]]) == {"SECRET_KEY_BASE": SECRET, "odd": "é 'x' \\ \n"}
            assert _pages(connection, SECRET) == 0
            connection.commit()
            command.downgrade(alembic, "0012")
            connection.commit()
            back = dict(connection.execute(text("SELECT id, default_config FROM slugs")).all())
            assert back == {ids[0]: {"SECRET_KEY_BASE": SECRET, "odd": "é 'x' \\ \n"}, ids[1]: {}}
    finally:
        engine.dispose()
        with admin.connect() as connection:
            connection.execute(text(f"DROP DATABASE {name} WITH (FORCE)"))
        admin.dispose()


def _slugs(connection) -> list[uuid.UUID]:
    """Two slugs of the old kind, the first with config vars."""
    account, app, ids = uuid.uuid4(), uuid.uuid4(), [uuid.uuid4(), uuid.uuid4()]
    found = {"SECRET_KEY_BASE": SECRET, "odd": "é 'x' \\ \n"}
    account_columns = "id, email, password_hash, admin, created_at, updated_at"
    connection.execute(
        text(f"INSERT INTO accounts ({account_columns}) VALUES (:id, 'a@example.com', 'x', false, now(), now())"),
        {"id": account},
    )
    app_columns = "id, name, owner_id, stack, maintenance, buildpacks, created_at, updated_at"
    connection.execute(
        text(f"INSERT INTO apps ({app_columns}) VALUES (:id, 'old', :owner, 'debian-12', false, '[]', now(), now())"),
        {"id": app, "owner": account},
    )
    for slug, config in zip(ids, (found, {}), strict=True):
        connection.execute(
            text(
                "INSERT INTO slugs (id, app_id, stack, process_types, default_config, created_at, updated_at)"
                " VALUES (:id, :app, 'debian-12', '{}', CAST(:config AS jsonb), now(), now())"
            ),
            {"id": slug, "app": app, "config": json.dumps(config)},
        )
    return ids


def _pages(connection, word: str) -> int:
    """How often the word stands in the table's file, dead rows and all."""
    connection.execute(text("CHECKPOINT"))
    file = connection.execute(text("SELECT pg_read_binary_file(pg_relation_filepath('slugs'))")).scalar_one()
    return bytes(file).count(word.encode())
