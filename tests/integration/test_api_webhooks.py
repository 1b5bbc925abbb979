"""Webhooks as the API takes and shows them, and how long what is known of their deliveries stays."""

from __future__ import annotations

import json
import uuid

import pytest

from hokku.store import webhook_deliveries
from hokku.store.engine import session
from hokku.store.tables import App, Event, now
from hokku.store.webhook_deliveries import KEPT, WebhookDelivery
from hokku.store.webhooks import Webhook, WebhookChange, WebhookEvent
from tests.integration.contract import against_heroku
from tests.integration.test_api_access import person
from tests.integration.test_api_apps import fresh, refused

URL = "https://hooks.example.com/in?token=hunter2"


def added(api, app, url, *include, level="notify", **more):
    """A webhook of the app, and its secret."""
    wanted = {"include": list(include) or ["api:app"], "level": level, "url": url, **more}
    answer = api.post(f"/apps/{app['name']}/webhooks", json=wanted)
    assert answer.status_code == 201, answer.text
    return answer.json(), answer.headers["Heroku-Webhook-Secret"]


def test_a_webhook_is_added_shown_changed_and_removed(api):
    app = fresh(api)
    path = f"/apps/{app['name']}/webhooks"
    made, secret = added(api, app, URL, "api:release", "dyno", level="sync", authorization="Bearer hunter3")
    assert against_heroku("app-webhook.app_webhook", made) == []
    assert (made["include"], made["level"], made["url"]) == (["api:release", "dyno"], "sync", URL)
    assert len(secret) == 60
    assert api.get(path).json() == [made]
    shown = api.get(f"{path}/{made['id']}")
    assert shown.json() == made
    assert "Heroku-Webhook-Secret" not in shown.headers
    changed = api.patch(f"{path}/{made['id']}", json={"level": "notify", "secret": "mine"})
    assert (changed.json()["level"], changed.headers["Heroku-Webhook-Secret"]) == ("notify", "mine")
    again = api.patch(f"{path}/{made['id']}", json={"include": ["api:app"]})
    assert again.json()["include"] == ["api:app"]
    assert "Heroku-Webhook-Secret" not in again.headers
    assert api.delete(f"{path}/{made['id']}").status_code == 200
    refused(api.get(f"{path}/{made['id']}"), 404, "not_found", "Couldn't find that webhook.")


@pytest.mark.parametrize(
    ("wanted", "says"),
    [
        ({"include": ["api:nothing"]}, "api:nothing"),
        ({"include": []}, "must include"),
        ({"level": "always"}, "level"),
        ({"url": "ftp://hooks.example.com"}, "scheme"),
        ({"url": "https://10.0.0.1/"}, "private or reserved"),
        ({"url": "http://[::ffff:169.254.169.254]/latest"}, "private or reserved"),
        ({"secret": ""}, "secret"),
        ({"authorization": "a\r\nX-Other: b"}, "authorization"),
    ],
)
def test_a_webhook_that_cannot_be_is_refused_in_one_sentence(api, wanted, says):
    path = f"/apps/{fresh(api)['name']}/webhooks"
    body = {"include": ["api:app"], "level": "notify", "url": URL}
    refused(api.post(path, json=body | wanted), 422, "invalid_params", says)
    assert api.get(path).json() == []


def test_secrets_are_sealed_at_rest_and_in_no_event(api):
    app = fresh(api)
    made, _ = added(api, app, URL, secret="hunter4", authorization="Bearer hunter5")
    with session() as opened:
        row = opened.get_one(Webhook, uuid.UUID(made["id"]))
        kept = f"{row.url_sealed} {row.secret_sealed} {row.authorization_sealed}"
        kept += " ".join(str(event.data) for event in opened.query(Event).filter(Event.app_id == row.app_id))
    assert "hunter" not in kept
    assert "hunter4" not in json.dumps(made)


def test_a_collaborator_sees_webhooks_and_changes_none(api):
    app = fresh(api)
    headers = person(api, "hook-reader@example.com")
    api.post(f"/apps/{app['name']}/collaborators", json={"user": "hook-reader@example.com"})
    made, _ = added(api, app, URL)
    path = f"/apps/{app['name']}/webhooks"
    assert api.get(path, headers=headers).json() == [made]
    refused(api.post(path, headers=headers, json={"include": [], "level": "sync", "url": URL}), 403, "forbidden")
    refused(api.delete(f"{path}/{made['id']}", headers=headers), 403, "forbidden")


def test_an_app_without_webhooks_leaves_no_trace_of_changes(api):
    app = fresh(api)
    api.patch(f"/apps/{app['name']}", json={"maintenance": True})
    with session() as opened:
        assert opened.query(WebhookChange).filter_by(app_id=uuid.UUID(app["id"])).all() == []


def test_old_deliveries_are_trimmed_and_those_under_way_are_not(api):
    app = fresh(api)
    hook, _ = added(api, app, URL)
    ids = {"app_id": uuid.UUID(app["id"]), "webhook_id": uuid.UUID(hook["id"])}
    with session() as opened:
        opened.add(event := WebhookEvent(app_id=ids["app_id"], include="api:app", payload_sealed=""))
        opened.flush()
        over = {"event_id": event.id, "status": "succeeded", **ids}
        old = now() - KEPT * 2
        opened.add_all(
            [
                WebhookDelivery(**over, created_at=old),
                WebhookDelivery(event_id=event.id, created_at=old, next_attempt_at=now() + KEPT, **ids),
                *(WebhookDelivery(**over) for _ in range(webhook_deliveries.MOST_KEPT + 5)),
            ]
        )
    with session() as opened:
        webhook_deliveries.trim(opened)
        left = opened.scalars(webhook_deliveries.of_app(ids["app_id"])).all()
        assert sorted(row.status for row in left) == ["pending", *["succeeded"] * webhook_deliveries.MOST_KEPT]
        opened.query(Webhook).filter_by(id=ids["webhook_id"]).delete()


def test_the_webhooks_of_a_deleted_app_go_after_a_week(api):
    app, kept = fresh(api), fresh(api)
    hook, other = (uuid.UUID(added(api, each, URL)[0]["id"]) for each in (app, kept))
    for each in (app, kept):
        api.delete(f"/apps/{each['name']}")
    with session() as opened:
        opened.get_one(App, uuid.UUID(app["id"])).archived_at = now() - KEPT * 2
    with session() as opened:
        webhook_deliveries.trim(opened)
        assert (opened.get(Webhook, hook), opened.get(Webhook, other) is not None) == (None, True)
