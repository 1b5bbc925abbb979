"""/apps/A/log-drains, as Heroku's CLI uses it."""

from __future__ import annotations

import uuid
from urllib.parse import quote

import pytest

from hokku.store.drains import Drain
from hokku.store.engine import session
from hokku.store.tables import Event
from tests.integration.contract import against_heroku
from tests.integration.test_api_access import person
from tests.integration.test_api_apps import fresh, refused

URL = "https://someone:hunter2@logs.example.com/in?key=1&b=2"


def test_a_drain_is_added_shown_found_by_url_token_and_id_and_removed(api):
    path = f"/apps/{fresh(api)['name']}/log-drains"
    made = api.post(path, json={"url": URL})
    assert made.status_code == 201
    drain = made.json()
    assert against_heroku("log-drain", drain) == []
    assert (drain["url"], drain["token"][:2], drain["addon"]) == (URL, "d.", None)
    uuid.UUID(drain["token"][2:])
    assert api.get(path).json() == [drain]
    for identity in (drain["id"], drain["token"], quote(URL, safe="")):
        assert api.get(f"{path}/{identity}").json() == drain
    assert api.delete(f"{path}/{quote(URL, safe='')}").json() == drain
    assert api.get(path).json() == []
    refused(api.delete(f"{path}/{drain['token']}"), 404, "not_found", "Couldn't find that log drain.")


def test_the_same_url_twice_and_a_sixth_drain_are_refused(api):
    path = f"/apps/{fresh(api)['name']}/log-drains"
    for number in range(5):
        assert api.post(path, json={"url": f"syslog+tls://logs.example.com:{6514 + number}"}).status_code == 201
    refused(api.post(path, json={"url": "syslog+tls://logs.example.com:6514"}), 422, "invalid_params", "already")
    refused(api.post(path, json={"url": "syslog://logs.example.com"}), 422, "invalid_params", "5 log drains")


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("ftp://logs.example.com", "scheme"),
        ("logs.example.com:514", "scheme"),
        ("syslog://", "host"),
        ("syslog://10.0.0.5:514", "private or reserved"),
        ("https://169.254.169.254/latest/meta-data", "private or reserved"),
        ("https://2852039166/", "private or reserved"),
        ("https://[::1]/", "private or reserved"),
        ("syslog+tls://[::ffff:192.168.0.1]:6514", "private or reserved"),
    ],
)
def test_a_url_that_cannot_be_is_refused_in_one_sentence(api, url, says):
    path = f"/apps/{fresh(api)['name']}/log-drains"
    refused(api.post(path, json={"url": url}), 422, "invalid_params", says)
    assert api.get(path).json() == []


def test_the_url_is_sealed_at_rest_and_in_no_event(api):
    app = fresh(api)
    drain = api.post(f"/apps/{app['name']}/log-drains", json={"url": URL}).json()
    with session() as opened:
        row = opened.get_one(Drain, uuid.UUID(drain["id"]))
        assert "hunter2" not in row.url_sealed
        assert "logs.example.com" not in row.url_sealed
        events = opened.query(Event).filter(Event.app_id == uuid.UUID(app["id"])).all()
        assert "log-drain.create" in [event.action for event in events]
        assert all("hunter2" not in str(event.data) for event in events)


def test_a_collaborator_sees_drains_and_changes_none(api):
    app = fresh(api)["name"]
    headers = person(api, "drain-reader@example.com")
    api.post(f"/apps/{app}/collaborators", json={"user": "drain-reader@example.com"})
    drain = api.post(f"/apps/{app}/log-drains", json={"url": URL}).json()
    assert api.get(f"/apps/{app}/log-drains", headers=headers).json() == [drain]
    refused(api.post(f"/apps/{app}/log-drains", headers=headers, json={"url": URL}), 403, "forbidden")
    refused(api.delete(f"/apps/{app}/log-drains/{drain['id']}", headers=headers), 403, "forbidden")


def test_the_drains_of_a_deleted_app_end(api):
    app = fresh(api)
    api.post(f"/apps/{app['name']}/log-drains", json={"url": URL})
    assert api.delete(f"/apps/{app['name']}").status_code == 200
    with session() as opened:
        assert opened.query(Drain).filter(Drain.app_id == uuid.UUID(app["id"])).all() == []
