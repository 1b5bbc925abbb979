"""Accounts, tokens and the rights of people in words; test_api_rights.py compares every route with the table."""

from __future__ import annotations

import base64
import uuid

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from fastapi.testclient import TestClient

from hokku.api import application
from hokku.store import accounts
from hokku.store.engine import session
from hokku.store.tables import Dyno, DynoState
from tests.integration.conftest import ADMIN, GIT_TOKEN, PASSWORD
from tests.integration.test_api_apps import fresh, refused, released


def as_bearer(token):
    """Headers of a client with this token."""
    return {"Authorization": f"Bearer {token}"}


def as_basic(user, password):
    """Headers of a client with this user and password."""
    return {"Authorization": "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()}


def new_key() -> str:
    """An SSH public key that nobody has."""
    public = Ed25519PrivateKey.generate().public_key()
    return public.public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).decode() + " someone@laptop"


def person(api, email):
    """The headers of an account with this email, which is made if need be: modules share the fixtures that use it."""
    assert api.post("/accounts", json={"email": email, "password": "long enough"}).status_code in (201, 422)
    made = api.post("/oauth/authorizations", headers=as_basic(email, "long enough"), json={})
    return as_bearer(made.json()["access_token"]["token"])


@pytest.fixture(scope="module")
def people(api):
    """Headers of the owner, a collaborator and a stranger, and the owner's app."""
    found = {name: person(api, f"{name}@example.com") for name in ("owner", "collaborator", "stranger")}
    app = api.post("/apps", headers=found["owner"], json={}).json()
    shared = api.post(
        f"/apps/{app['name']}/collaborators", headers=found["owner"], json={"user": "collaborator@example.com"}
    )
    assert shared.status_code == 201
    return found | {"app": app, "nobody": {"Authorization": ""}}


def test_a_collaborator_may_see_the_app_but_change_nothing(api, people):
    name, headers = people["app"]["name"], people["collaborator"]
    assert api.get(f"/apps/{name}", headers=headers).status_code == 200
    assert api.get(f"/apps/{name}/config-vars", headers=headers).status_code == 200
    refused(api.patch(f"/apps/{name}/config-vars", headers=headers, json={"A": "1"}), 403, "forbidden", "owner")
    assert name in [entry["name"] for entry in api.get("/users/~/apps", headers=headers).json()]
    refused(api.delete(f"/apps/{name}", headers=headers), 403, "forbidden", "owner")
    refused(api.patch(f"/apps/{name}", headers=headers, json={"name": "stolen-app"}), 403, "forbidden", "owner")
    shared = api.post(f"/apps/{name}/collaborators", headers=headers, json={"user": "stranger@example.com"})
    refused(shared, 403, "forbidden", "owner")
    refused(api.delete(f"/apps/{name}/collaborators/owner@example.com", headers=headers), 422, "invalid_params", "owns")


def test_a_collaborator_may_leave_and_is_a_stranger_then(api, people):
    headers = person(api, "guest@example.com")
    name = people["app"]["name"]
    api.post(f"/apps/{name}/collaborators", headers=people["owner"], json={"user": "guest@example.com"})
    assert api.delete(f"/apps/{name}/collaborators/guest@example.com", headers=headers).status_code == 200
    assert api.get(f"/apps/{name}", headers=headers).status_code == 404


def test_an_admin_sees_every_app_and_others_their_own(api, people):
    name = people["app"]["name"]
    only = {"Range": f"name {name}..{name}"}
    assert [entry["name"] for entry in api.get("/apps", headers=only).json()] == [name]
    assert api.get("/users/~/apps", headers=only).json() == []
    assert api.get("/apps", headers=people["stranger"]).json() == []
    refused(api.get("/accounts", headers=people["stranger"]), 403, "forbidden", "admin")


def test_a_token_limited_to_an_app_opens_that_app_only(api, people):
    other = api.post("/apps", headers=people["owner"], json={}).json()
    with session() as opened:
        owner = accounts.by_email(opened, "owner@example.com")
        _, token = accounts.authorize(opened, owner.id, app_id=uuid.UUID(people["app"]["id"]))
    limited = as_bearer(token)
    assert api.get(f"/apps/{people['app']['name']}", headers=limited).status_code == 200
    assert api.get(f"/apps/{other['name']}", headers=limited).status_code == 404
    assert api.post("/sources", headers=limited).status_code == 201
    for method, path in (
        ("GET", "/apps"),
        ("POST", "/apps"),
        ("GET", "/oauth/authorizations"),
        ("GET", "/account/keys"),
    ):
        refused(api.request(method, path, headers=limited, json={}), 403, "forbidden", "limited to one app")
    assert api.delete(f"/apps/{people['app']['name']}", headers=limited).status_code == 403


def test_every_way_to_log_in_works_and_a_wrong_one_does_not(api):
    token = api.post("/oauth/authorizations", headers=as_basic(ADMIN, PASSWORD), json={"description": "x"}).json()
    token = token["access_token"]["token"]
    for headers in (
        as_bearer(token),
        as_basic("", token),
        as_basic("heroku", token),
        as_basic(ADMIN.upper(), PASSWORD),
    ):
        assert api.get("/account", headers=headers).json()["email"] == ADMIN
    for headers in (as_bearer("undefined"), as_basic(ADMIN, "wrong"), as_basic("nobody@example.com", PASSWORD)):
        refused(api.get("/account", headers=headers), 401, "unauthorized", "Invalid credentials provided.")
    refused(api.get("/account", headers={"Authorization": "Basic !!"}), 401, "unauthorized", "not valid Basic")


def test_a_token_stops_working_when_it_is_deleted_and_is_shown_once(api):
    made = api.post("/oauth/authorizations", json={"description": "short", "expires_in": 60}).json()
    headers = as_bearer(made["access_token"]["token"])
    assert api.get("/oauth/authorizations/~", headers=headers).json()["id"] == made["id"]
    assert made["access_token"]["token"] not in api.get("/oauth/authorizations").text
    assert api.delete(f"/oauth/authorizations/{made['id']}", headers=headers).status_code == 200
    assert api.get("/account", headers=headers).status_code == 401
    refused(api.delete("/oauth/sessions/~"), 404, "not_found")


def test_an_expired_token_does_not_open(api):
    from datetime import timedelta

    from hokku.store.tables import now

    with session() as opened:
        row, token = accounts.authorize(opened, accounts.by_email(opened, ADMIN).id, expires_in=60)
        row.expires_at = now() - timedelta(seconds=1)
    assert api.get("/account", headers=as_bearer(token)).status_code == 401


def test_the_git_receiver_gets_a_session_for_a_key_that_may_push(api, people, tmp_path):
    import subprocess

    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", tmp_path / "key"], check=True)
    line = (tmp_path / "key.pub").read_text()
    key = api.post("/account/keys", headers=people["collaborator"], json={"public_key": line}).json()
    again = api.post("/account/keys", headers=people["collaborator"], json={"public_key": line})
    assert again.json()["id"] == key["id"]
    refused(api.post("/account/keys", json={"public_key": line}), 422, "invalid_params", "another account")
    git = as_bearer(GIT_TOKEN)
    found = api.get("/internal/git/keys", headers=git, params={"fingerprint": key["fingerprint"]}).json()
    assert found["email"] == "collaborator@example.com"
    wanted = {"fingerprint": key["fingerprint"], "app": people["app"]["name"]}
    opened = api.post("/internal/git/sessions", headers=git, json=wanted).json()
    assert opened["app_id"] == people["app"]["id"]
    assert api.get(f"/apps/{opened['app_id']}", headers=as_bearer(opened["token"])).status_code == 200
    for app in ("no-such-app", fresh(api)["name"]):
        answer = api.post("/internal/git/sessions", headers=git, json=wanted | {"app": app})
        refused(answer, 404, "not_found", "Couldn't find that app.")
    unknown = api.get("/internal/git/keys", headers=git, params={"fingerprint": "SHA256:none"})
    refused(unknown, 404, "not_found", "heroku keys:add")
    assert api.post("/internal/git/sessions", json=wanted).status_code == 401
    assert api.delete(f"/account/keys/{key['fingerprint']}", headers=people["collaborator"]).status_code == 200
    assert api.get("/account/keys", headers=people["collaborator"]).json() == []


def test_restarting_and_stopping_say_what_the_manifold_shall_do(api):
    app = released(api, web="x", worker="y")
    release = api.get(f"/apps/{app['name']}/releases/3").json()
    with session() as opened:
        for number in (1, 2):
            opened.add(
                Dyno(
                    app_id=uuid.UUID(app["id"]),
                    release_id=uuid.UUID(release["id"]),
                    type="web",
                    number=number,
                    size="basic",
                    command="x",
                    state=DynoState.UP,
                    instance=f"d-{uuid.uuid4().hex}",
                    host="dyno1",
                    slot=number,
                    address="10.99.1.1",
                )
            )
    path = f"/apps/{app['name']}"
    listed = api.get(f"{path}/dynos").json()
    assert [(entry["name"], entry["state"], entry["size"], entry["release"]["version"]) for entry in listed] == [
        ("web.1", "up", "Basic", 3),
        ("web.2", "up", "Basic", 3),
    ]
    assert api.delete(f"{path}/dynos/web.1").status_code == 202
    assert api.post(f"{path}/dynos/{listed[1]['id']}/actions/stop").status_code == 202
    with session() as opened:
        assert all(opened.get(Dyno, uuid.UUID(entry["id"])).stop_requested_at for entry in listed)
    for method, rest in (("DELETE", "/dynos"), ("DELETE", "/dynos/web"), ("DELETE", "/formations/web")):
        assert api.request(method, path + rest).status_code == 202
    refused(api.delete(f"{path}/dynos/web.9"), 404, "not_found", "web.9")
    refused(api.delete(f"{path}/formations/clock"), 404, "not_found", "clock", "web, worker")


def test_a_client_without_credentials_is_told_how(api):
    with TestClient(application.create()) as bare:
        refused(bare.get("/apps"), 401, "unauthorized", "Authorization: Bearer")


def test_guessing_passwords_is_slowed_down(api, monkeypatch):
    from hokku.api import access
    from hokku.api.rate import Buckets

    monkeypatch.setattr(access, "guesses", Buckets(3, "Too many wrong passwords"))
    for _ in range(5):
        assert api.get("/account", headers=as_basic(ADMIN, PASSWORD)).status_code == 200
    for _ in range(3):
        assert api.get("/account", headers=as_basic(ADMIN, "wrong")).status_code == 401
    refused(api.get("/account", headers=as_basic(ADMIN, PASSWORD)), 429, "rate_limit", "Too many wrong passwords")
    assert api.get("/account").status_code == 200
