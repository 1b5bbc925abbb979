"""Apps change hands: at once to a collaborator or by an admin, else when the recipient accepts."""

from __future__ import annotations

import uuid
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import text

from hokku.store import transfers
from hokku.store.engine import session
from tests.integration.conftest import ADMIN
from tests.integration.loopback import wait_for
from tests.integration.test_api_access import person
from tests.integration.test_api_apps import refused
from tests.integration.test_api_shapes import check

TRANSFERS = "/account/app-transfers"


@pytest.fixture(scope="module")
def people(api):
    """Headers of three accounts: giver, taker, stranger."""
    return {name: person(api, f"{name}@transfers.example.com") for name in ("giver", "taker", "stranger")}


def owned(api, headers):
    """A new app of theirs."""
    return api.post("/apps", headers=headers, json={}).json()


def offered(api, people, app):
    """The giver's offer of the app to the taker."""
    body = {"app": app["name"], "recipient": "taker@transfers.example.com"}
    return api.post(TRANSFERS, headers=people["giver"], json=body)


def test_a_collaborator_gets_the_app_at_once_and_the_old_owner_stays(api, people):
    app = owned(api, people["giver"])
    share = {"user": "taker@transfers.example.com"}
    api.post(f"/apps/{app['name']}/collaborators", headers=people["giver"], json=share)
    made = offered(api, people, app)
    assert (made.status_code, made.json()["state"]) == (201, "accepted"), made.text
    assert "Warning-Message" not in made.headers
    check("app-transfer", made.json())
    found = api.get(f"/apps/{app['name']}", headers=people["taker"]).json()
    assert found["owner"]["email"] == "taker@transfers.example.com"
    roles = api.get(f"/apps/{app['name']}/collaborators", headers=people["taker"]).json()
    assert {entry["user"]["email"]: entry["role"] for entry in roles} == {
        "taker@transfers.example.com": "owner",
        "giver@transfers.example.com": "collaborator",
    }
    assert app["name"] in [entry["name"] for entry in api.get("/users/~/apps", headers=people["taker"]).json()]
    refused(api.delete(f"/apps/{app['name']}", headers=people["giver"]), 403, "forbidden")
    assert api.get(f"/apps/{app['name']}", headers=people["giver"]).status_code == 200
    assert api.delete(f"/apps/{app['name']}", headers=people["taker"]).status_code == 200


def test_somebody_else_accepts_first_and_is_a_stranger_until_then(api, people):
    app = owned(api, people["giver"])
    made = offered(api, people, app)
    transfer = made.json()
    assert (made.status_code, transfer["state"]) == (201, "pending")
    assert transfer["id"] in made.headers["Warning-Message"]
    path = f"{TRANSFERS}/{transfer['id']}"
    for name in ("giver", "taker"):
        assert api.get(path, headers=people[name]).json() == transfer
        assert api.get(f"{TRANSFERS}/{app['name']}", headers=people[name]).json() == transfer
        assert transfer in api.get(TRANSFERS, headers=people[name]).json()
    assert api.get(f"/apps/{app['name']}", headers=people["taker"]).status_code == 404
    refused(api.patch(path, headers=people["giver"], json={"state": "accepted"}), 403, "forbidden", "recipient")
    refused(api.delete(path, headers=people["taker"]), 403, "forbidden", "Decline")
    assert api.patch(path, headers=people["taker"], json={"state": "accepted"}).json()["state"] == "accepted"
    assert api.get(f"/apps/{app['name']}", headers=people["taker"]).json()["owner"]["email"].startswith("taker@")
    refused(api.patch(path, headers=people["taker"], json={"state": "declined"}), 422, "invalid_params", "accepted")
    refused(api.delete(path, headers=people["taker"]), 422, "invalid_params", "accepted already")


def test_an_offer_is_declined_or_taken_back(api, people):
    app = owned(api, people["giver"])
    path = f"{TRANSFERS}/{offered(api, people, app).json()['id']}"
    assert api.patch(path, headers=people["taker"], json={"state": "declined"}).json()["state"] == "declined"
    refused(api.patch(path, headers=people["taker"], json={"state": "accepted"}), 422, "invalid_params", "declined")
    path = f"{TRANSFERS}/{offered(api, people, app).json()['id']}"
    assert api.delete(path, headers=people["giver"]).status_code == 200
    refused(api.patch(path, headers=people["taker"], json={"state": "accepted"}), 404, "not_found", "app transfer")
    assert api.get(f"/apps/{app['name']}", headers=people["taker"]).status_code == 404


def test_a_newer_offer_replaces_the_one_that_was_not_answered(api, people):
    app = owned(api, people["giver"])
    first = offered(api, people, app).json()
    body = {"app": app["id"], "recipient": "stranger@transfers.example.com"}
    second = api.post(TRANSFERS, headers=people["giver"], json=body).json()
    assert api.get(f"{TRANSFERS}/{first['id']}", headers=people["taker"]).status_code == 404
    accepted = api.patch(f"{TRANSFERS}/{second['id']}", headers=people["stranger"], json={"state": "accepted"})
    assert accepted.status_code == 200


def test_an_admin_gives_any_app_at_once(api, people):
    app = owned(api, people["giver"])
    made = api.post(TRANSFERS, json={"app": app["name"], "recipient": ADMIN})
    assert made.json()["state"] == "accepted"
    assert api.get(f"/apps/{app['name']}").json()["owner"]["email"] == ADMIN


def test_a_deleted_apps_offers_are_gone(api, people):
    app = owned(api, people["giver"])
    path = f"{TRANSFERS}/{offered(api, people, app).json()['id']}"
    api.delete(f"/apps/{app['name']}", headers=people["giver"])
    refused(api.patch(path, headers=people["taker"], json={"state": "accepted"}), 404, "not_found")


def waits_for_a_lock():
    """Whether some request waits for a row that another transaction has."""
    with session() as opened:
        found = opened.scalar(text("SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'"))
    return found > 0


def test_an_offer_taken_back_while_it_is_accepted_is_gone_and_gives_nothing(api, people):
    app = owned(api, people["giver"])
    path = f"{TRANSFERS}/{offered(api, people, app).json()['id']}"
    with ThreadPoolExecutor() as pool:
        with session() as opened:
            transfers.withdraw(opened, uuid.UUID(app["id"]))
            accepting = pool.submit(api.patch, path, headers=people["taker"], json={"state": "accepted"})
            wait_for("the answer waits for the offer", waits_for_a_lock, 10)
        refused(accepting.result(10), 404, "not_found", "app transfer")
    assert api.get(f"/apps/{app['name']}").json()["owner"]["email"] == "giver@transfers.example.com"


def test_what_cannot_be_given_is_explained(api, people):
    app = owned(api, people["giver"])

    def give(headers, **more):
        return api.post(TRANSFERS, headers=headers, json={"app": app["name"], "recipient": ADMIN} | more)

    refused(give(people["giver"], recipient="nobody@example.com"), 404, "not_found", "nobody@example.com")
    refused(give(people["giver"], recipient="giver@transfers.example.com"), 422, "invalid_params", "owns")
    refused(give(people["stranger"]), 404, "not_found", "Couldn't find that app.")
    share = {"user": "taker@transfers.example.com"}
    api.post(f"/apps/{app['name']}/collaborators", headers=people["giver"], json=share)
    refused(give(people["taker"]), 403, "forbidden", "owner")
    transfer = offered(api, people, owned(api, people["giver"])).json()
    theirs = api.get(f"{TRANSFERS}/{transfer['id']}", headers=people["stranger"])
    missing = api.get(f"{TRANSFERS}/{uuid.uuid4()}", headers=people["stranger"])
    assert (theirs.status_code, theirs.json()) == (404, missing.json())
