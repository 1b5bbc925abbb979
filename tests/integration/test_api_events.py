"""Whatever changes something leaves an event (who, what, when, from where), and for apps the line that users know."""

from __future__ import annotations

import uuid

import pytest
from sqlalchemy import select

from hokku.release import log_lines
from hokku.store.engine import session
from hokku.store.tables import Event, now
from tests.integration.contract import names
from tests.integration.world import REFUSED
from tests.rights import RIGHTS, Right

pytestmark = pytest.mark.usefixtures("forgotten_hosts")

# what changes nothing that anybody would ask about, or is told by what follows from it
SILENT = {
    "POST /apps/{app}/log-sessions": "reads the app's log",
    "POST /filters/apps": "reads",
    "PUT /slugs/{slug}/blob/{until}/{signature}": "comes without an account; the slug and its release are told",
    "PUT /sources/{source}/{secret}": "comes without an account; the source and its build are told",
}
# events that leave no line in the app's log
NO_LINE: dict[str, str] = {
    "DELETE /apps/{app}": "the app's log goes with it",
    "POST /apps/{app}/slugs": "the release of the slug has a line; uploads alone change nothing that runs",
    "POST /apps/{app}/sources": "the build of the source has a line; the source belongs to the account",
}
CHANGING = [
    name
    for name in names()
    if not name.startswith("GET ") and RIGHTS[name] not in (Right.OPEN,) and name not in REFUSED
]


@pytest.fixture
def lines(monkeypatch):
    """The lines that the platform writes to apps' logs meanwhile: (app's id, text)."""
    found = []
    monkeypatch.setattr(log_lines, "_write", lambda app_id, text: found.append((app_id, text)))
    return found


def who_may(world, name):
    """Headers and account of somebody who may."""
    if RIGHTS[name] is Right.ADMIN:
        return world.admin, world.api.get("/account", headers=world.admin).json()
    return world.people["owner"], world.ask("GET", "/account")


@pytest.mark.parametrize("name", [name for name in CHANGING if name not in SILENT])
def test_a_change_leaves_an_event_and_a_line(api, world, lines, name):
    app = world.new_app()
    call = world.call(name, app, fresh=True)
    if RIGHTS[name] is Right.PLATFORM:
        from tests.integration.conftest import GIT_TOKEN
        from tests.integration.test_api_access import as_bearer

        headers, account = as_bearer(GIT_TOKEN), world.ask("GET", "/account")
    else:
        headers, account = who_may(world, name)
    lines.clear()
    began = now()
    answer = api.request(call.method, call.path, headers=headers, **call.more)
    assert answer.is_success, answer.text
    with session() as opened:
        events = list(opened.scalars(select(Event).where(Event.created_at >= began)))
    theirs = [event for event in events if event.account_id == uuid.UUID(account["id"])]
    assert theirs, f"{name} leaves no event: hokku.api.trail.leave keeps one"
    for event in theirs:
        assert event.address == "testclient"
        assert event.action
    if "/apps/{app}" in name and name not in NO_LINE:
        assert uuid.UUID(app["id"]) in {event.app_id for event in theirs}
        told = [text for app_id, text in lines if app_id == uuid.UUID(app["id"])]
        assert told, f"{name} writes no line to the app's log: give `leave` one"
        assert any(text.endswith(f"by user {account['email']}") for text in told), told


def test_what_changes_nothing_leaves_no_line(api, world, lines):
    app = world.new_app()
    path = f"/apps/{app['name']}"
    lines.clear()
    began = now()
    for method, more, body in (
        ("PATCH", "", {"maintenance": False}),
        ("PATCH", "/config-vars", {"GREETING": "hello"}),
        ("PATCH", "/formation", {"updates": [{"type": "web", "quantity": 1}]}),
    ):
        world.ask(method, path + more, json=body)
    with session() as opened:
        releases = [each.action for each in opened.scalars(select(Event).where(Event.created_at >= began))]
    assert lines == []
    assert not [action for action in releases if action.startswith(("release", "formation", "app."))]


def test_what_is_refused_leaves_no_event(api, world, lines):
    app = world.new_app()
    lines.clear()
    began = now()
    for method, more, body in (
        ("PATCH", "", {"name": "Bad Name"}),
        ("PATCH", "/config-vars", {"BAD NAME": "x"}),
        ("POST", "/domains", {"hostname": "no domain"}),
        ("DELETE", "", None),
    ):
        answer = api.request(method, f"/apps/{app['name']}{more}", headers=world.people["collaborator"], json=body)
        assert answer.status_code in (403, 422)
    with session() as opened:
        assert list(opened.scalars(select(Event).where(Event.created_at >= began))) == []
    assert lines == []
