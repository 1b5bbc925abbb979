"""Whose line it is, asked of a real PostgreSQL."""

from __future__ import annotations

import uuid
from datetime import timedelta

import pytest

from hokku.store.engine import session
from hokku.store.places import place
from hokku.store.tables import Account, App, Config, Dyno, Release, now

NOW = now()


@pytest.fixture
def app_id(platform: object) -> uuid.UUID:
    with session() as opened:
        account = Account(email=f"{uuid.uuid4()}@example.com", password_hash="")
        opened.add(account)
        opened.flush()
        app = App(name=f"places-{uuid.uuid4().hex[:8]}", owner_id=account.id, stack="debian-12")
        opened.add(app)
        opened.flush()
        config = Config(app_id=app.id, ciphertext=b"")
        opened.add(config)
        opened.flush()
        release = Release(app_id=app.id, version=1, config_id=config.id, description="")
        opened.add(release)
        opened.flush()
        for number, began, ended in ((1, -5000, -400), (2, -100, None)):
            opened.add(
                Dyno(
                    app_id=app.id,
                    release_id=release.id,
                    type="web",
                    number=number,
                    size="basic",
                    command="x",
                    instance=f"d-{uuid.uuid4().hex[:12]}",
                    host="places1",
                    slot=7,
                    address="10.99.1.8",
                    created_at=NOW + timedelta(seconds=began),
                    stopped_at=None if ended is None else NOW + timedelta(seconds=ended),
                )
            )
        return app.id


def test_a_line_belongs_to_the_dyno_that_had_the_slot_at_that_time(app_id: uuid.UUID) -> None:
    found = place("places1", 7, NOW)
    assert (found.app_id, found.name, found.until) == (app_id, "web.2", None)
    late = place("places1", 7, NOW - timedelta(seconds=420))
    assert (late.app_id, late.name) == (app_id, "web.1")
    assert late.until == NOW - timedelta(seconds=400)


def test_a_place_that_no_dyno_ever_had_is_nobodys(app_id: uuid.UUID) -> None:
    assert place("places1", 8, NOW) is None
    assert place("elsewhere", 7, NOW) is None
    assert place("places1", 7, NOW - timedelta(seconds=6000)) is None
