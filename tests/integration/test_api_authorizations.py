"""Tokens: made, described, rotated, revoked, and kept to their scope."""

from __future__ import annotations

import pytest

from hokku.store import accounts
from hokku.store.engine import session
from hokku.store.tables import Authorization
from tests.integration.test_api_access import as_bearer, person
from tests.integration.test_api_apps import fresh, refused
from tests.integration.test_api_shapes import check

PATH = "/oauth/authorizations"
PROTECTED = ("read-protected", "write-protected")


def made(api, **wanted):
    """A new authorization, and the headers of its token."""
    answer = api.post(PATH, json=wanted)
    assert answer.status_code == 201, answer.text
    return answer.json(), as_bearer(answer.json()["access_token"]["token"])


def test_a_token_is_described_rotated_and_revoked_and_the_old_one_stops_at_once(api):
    row, headers = made(api, description="deployer", expires_in=3600, scope=["write", "write"])
    check("oauth-authorization", row)
    assert (row["description"], row["scope"]) == ("deployer", ["write"])
    assert 3590 < row["access_token"]["expires_in"] <= 3600
    path = f"{PATH}/{row['id']}"
    renamed = api.patch(path, json={"description": "robot"}).json()
    assert (renamed["description"], renamed["scope"]) == ("robot", ["write"])
    rotated = api.post(f"{path}/actions/regenerate-tokens").json()
    check("oauth-authorization", rotated)
    assert api.get("/stacks", headers=headers).status_code == 401
    fresh_headers = as_bearer(rotated["access_token"]["token"])
    assert api.get("/stacks", headers=fresh_headers).status_code == 200
    refused(api.get("/account", headers=fresh_headers), 403, "forbidden", "write")  # the scope stays
    assert rotated["access_token"]["expires_in"] <= 3600
    assert api.delete(path).status_code == 200
    assert api.get("/stacks", headers=fresh_headers).status_code == 401
    refused(api.post(f"{path}/actions/regenerate-tokens"), 404, "not_found", "authorization")
    refused(api.patch(path, json={"description": "x"}), 404, "not_found", "authorization")


def test_another_accounts_token_is_not_found(api):
    row, _ = made(api, description="mine")
    headers = person(api, "other@authorizations.example.com")
    for method, rest in (("GET", ""), ("PATCH", ""), ("DELETE", ""), ("POST", "/actions/regenerate-tokens")):
        answer = api.request(method, f"{PATH}/{row['id']}{rest}", headers=headers, json={})
        refused(answer, 404, "not_found", "authorization")
    assert row["id"] not in api.get(PATH, headers=headers).text


@pytest.mark.parametrize("scope", [["git"], ["all"], [], ["global", "x"]])
def test_a_scope_that_is_not_there_is_refused(api, scope):
    refused(api.post(PATH, json={"scope": scope}), 422, "invalid_params", "read-protected")


def test_oauth_clients_are_refused(api):
    refused(api.post(PATH, json={"client": "x"}), 422, "invalid_params", "OAuth clients")
    row, _ = made(api)
    body = {"client": {"id": "x", "secret": "y"}}
    refused(api.patch(f"{PATH}/{row['id']}", json=body), 422, "invalid_params", "OAuth clients")


@pytest.mark.parametrize("scope", ["global", "identity", "read", "write", "read-protected", "write-protected"])
def test_a_scope_opens_what_heroku_says_and_nothing_else(api, scope):
    _, headers = made(api, scope=[scope])
    name = fresh(api)["name"]
    path = f"/apps/{name}"
    everything, reads = scope == "global", scope not in ("identity",)
    writes = scope in ("global", "write", "write-protected")
    secrets = scope in ("global", *PROTECTED)

    def opens(method, where, json=None):
        answer = api.request(method, where, headers=headers, json=json)
        if answer.status_code == 403:
            refused(answer, 403, "forbidden", scope, "scope")
        return answer.status_code != 403

    assert opens("GET", "/account") is (scope in ("global", "identity"))
    assert opens("GET", "/users/~") is (scope in ("global", "identity"))
    assert opens("PATCH", "/account", {}) is everything
    assert opens("GET", PATH) is everything
    assert opens("POST", PATH, {"scope": ["global"]}) is everything  # no token makes a stronger one
    assert opens("GET", "/account/keys") is everything
    assert opens("GET", "/apps") is reads
    assert opens("GET", path) is reads
    assert opens("GET", f"{path}/releases") is reads
    assert opens("POST", "/filters/apps", {"in": {"id": []}}) is reads
    assert opens("GET", f"{path}/config-vars") is secrets
    assert opens("GET", f"{path}/releases/1/config-vars") is secrets
    assert opens("PATCH", f"{path}/config-vars", {}) is (writes and secrets)
    assert opens("POST", f"{path}/dynos", {"command": "env"}) is (writes and secrets)
    assert opens("PATCH", path, {"maintenance": False}) is writes
    assert opens("POST", "/apps", {}) is writes
    assert opens("POST", "/sources") is writes


def test_a_scope_says_nothing_of_apps_that_are_not_the_accounts(api):
    headers = person(api, "scoped@authorizations.example.com")
    narrow = as_bearer(api.post(PATH, headers=headers, json={"scope": ["read"]}).json()["access_token"]["token"])
    theirs = f"/apps/{fresh(api)['name']}"
    for method in ("GET", "PATCH"):
        answers = [api.request(method, path, headers=narrow, json={}) for path in (theirs, "/apps/no-such-app")]
        assert answers[0].json() == answers[1].json()


def test_a_token_that_may_not_write_does_not_push(api):
    from hokku.api.access import Viewer, admit
    from hokku.errors import Forbidden

    row, _ = made(api, scope=["read"])
    with session() as opened:
        authorization = opened.get(Authorization, row["id"])
        viewer = Viewer(accounts.by_identity(opened, row["user"]["id"]), authorization)
    admit(viewer, "GET", "/apps/{app}/builds")
    with pytest.raises(Forbidden):
        admit(viewer, "POST", "/apps/{app}/builds")


def test_there_are_no_sessions(api):
    assert api.get("/oauth/sessions").json() == []
    refused(api.delete("/oauth/sessions/x"), 404, "not_found", "session")


def test_a_token_is_shown_to_its_bearer_alone_so_that_logout_finds_it(api):
    """`heroku logout` takes back what the list shows of its own token, unless `~` shows it as the lasting key."""
    login, of_login = made(api, description="login", expires_in=60)
    key, of_key = made(api, description="key")
    for mine, other, headers, lasting in ((login, key, of_login, False), (key, login, of_key, True)):
        listed = {row["id"]: row["access_token"]["token"] for row in api.get(PATH, headers=headers).json()}
        assert listed[mine["id"]] == mine["access_token"]["token"]
        assert listed[other["id"]] != other["access_token"]["token"]
        own = api.get(f"{PATH}/~", headers=headers).json()["access_token"]["token"]
        assert (own == mine["access_token"]["token"]) is lasting
