"""What receivers are told of, how it is signed, and when it is tried again."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import uuid
from datetime import UTC, datetime, timedelta

import pytest

from hokku.webhooks import notification
from hokku.webhooks.deliver import PATIENCE, again_at, pause
from hokku.webhooks.entities import ENTITIES, TABLES, happening

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def told(table, before, after, rows=None):
    """(includes, action, previous) of a change, or None."""
    found = happening(table, before, after, rows or (before, after))
    return found and (found.includes, found.action, dict(found.previous))


def test_making_and_deleting_are_create_and_destroy():
    assert told("domains", None, {"hostname": "a"}) == (("api:domain",), "create", {})
    assert told("domains", {"hostname": "a"}, None) == (("api:domain",), "destroy", {})


def test_an_update_says_what_was_different_before():
    before = {"quantity": 1, "size": "Basic", "updated_at": "x"}
    after = {"quantity": 2, "size": "Basic", "updated_at": "y"}
    assert told("formations", before, after) == (("api:formation",), "update", {"quantity": 1})


def test_what_users_cannot_see_is_no_change():
    assert told("formations", {"quantity": 1, "updated_at": "x"}, {"quantity": 1, "updated_at": "y"}) is None
    shown = {"name": "a", "archived_at": None}
    assert told("apps", shown | {"released_at": "x"}, shown | {"released_at": "y"}) is None


def test_builds_and_releases_are_told_of_by_their_status():
    pending = {"status": "pending", "slug": None}
    assert told("builds", pending, pending | {"slug": {"id": "x"}}) is None
    done = {"status": "succeeded", "slug": {"id": "x"}}
    assert told("builds", pending, done) == (("api:build",), "update", {"status": "pending", "slug": None})
    assert told("releases", {"status": "pending"}, {"status": "failed"})[1] == "update"


def test_an_app_that_is_archived_is_destroyed_as_it_was():
    before, after = {"name": "haiku", "archived_at": None}, {"name": "~123", "archived_at": "now"}
    found = happening("apps", before, after, (before, after))
    assert (found.action, found.data["name"]) == ("destroy", "haiku")
    assert told("apps", after, after | {"name": "~4"}) is None


def test_a_dyno_is_created_updated_and_destroyed_once():
    def row(state):
        return {"state": state}

    assert told("dynos", None, row("starting")) == (("dyno", "api:dyno"), "create", {})
    assert told("dynos", row("starting"), row("up")) == (("dyno",), "update", {"state": "starting"})
    assert told("dynos", row("down"), row("down"), (row("stopping"), row("stopped")))[1] == "destroy"
    assert told("dynos", row("stopped"), None) is None


def test_a_process_type_that_a_deploy_brings_is_an_update_when_it_runs():
    assert told("formations", None, {"quantity": 0}) is None
    assert told("formations", None, {"quantity": 1}) == (("api:formation",), "update", {"quantity": 0})


def test_every_table_has_an_entity_of_herokus_list():
    for table in TABLES:
        row = {"state": "up", "archived_at": None, "quantity": 1}
        assert set(happening(table, None, row, (None, row)).includes) <= set(ENTITIES)


def test_a_notification_is_signed_as_a_receiver_checks_it():
    ids = {name: uuid.uuid4() for name in ("event_id", "webhook_id", "delivery_id", "attempt_id")}
    payload = {"action": "update", "actor": {"email": "ü@example.com", "id": "1"}, "data": {"a": 1}}
    payload |= {"previous_data": {}, "resource": "app", "version": "3"}
    body = notification.body(include="api:app", payload=payload, happened=NOW, **ids)
    headers = notification.headers(body, "secret", "Bearer x")
    digest = base64.b64encode(hmac.digest(b"secret", body, hashlib.sha256)).decode()
    assert headers["Heroku-Webhook-Hmac-SHA256"] == digest
    assert headers["Authorization"] == "Bearer x"
    assert "Authorization" not in notification.headers(body, "secret", None)
    found = json.loads(body)
    assert body == json.dumps(found, separators=(",", ":"), ensure_ascii=False).encode(), "as JSON.stringify writes it"
    assert (found["created_at"], found["resource"], found["sequence"]) == ("2026-01-01T00:00:00Z", "app", None)
    assert found["webhook_metadata"]["event"] == {"id": str(ids["event_id"]), "include": "api:app"}


def test_pauses_double_from_15_seconds_to_an_hour():
    found = [pause(attempts, lambda: 0).total_seconds() for attempts in (1, 2, 3, 9, 4000)]
    assert found == [15, 30, 60, 3600, 3600]
    assert pause(1, lambda: 1).total_seconds() == pytest.approx(18)


def test_notify_is_attempted_once_and_sync_for_72_hours():
    assert again_at("notify", NOW, 1, NOW) is None
    assert again_at("sync", NOW, 1, NOW) > NOW
    assert again_at("sync", NOW, 80, NOW + PATIENCE) is not None
    assert again_at("sync", NOW, 80, NOW + PATIENCE + timedelta(seconds=1)) is None
