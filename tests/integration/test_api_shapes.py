"""Answers have Heroku's shapes, headers and manners."""

from __future__ import annotations

import re
import uuid

import pytest

from hokku.store.engine import session
from hokku.store.tables import Account, Dyno, DynoState
from tests.integration.contract import against_heroku
from tests.integration.test_api_apps import fresh, refused, released, slug_of
from tests.integration.test_api_builds import uploaded


def check(kind, found):
    """Compare an answer with Heroku's shape of it."""
    assert against_heroku(kind, found) == []


def test_every_resource_has_herokus_shape(api):
    app = released(api, web="python web.py")
    path = f"/apps/{app['name']}"
    release = api.get(f"{path}/releases/3").json()
    with session() as opened:
        ids = {"app_id": uuid.UUID(app["id"]), "release_id": uuid.UUID(release["id"])}
        place = {"instance": f"d-{uuid.uuid4().hex}", "host": "dyno1", "slot": 7, "address": "10.99.1.8"}
        opened.add(Dyno(**ids, **place, type="web", number=1, size="basic", command="x", state=DynoState.STARTING))
    check("account", api.get("/account").json())
    check("app", app)
    check("app", api.get(path).json())
    check("release", release)
    check("release", api.get(f"{path}/releases/1").json())
    check("slug", api.get(f"{path}/slugs/{release['slug']['id']}").json())
    check("formation", api.get(f"{path}/formation/web").json())
    check("dyno", api.get(f"{path}/dynos/web.1").json())
    check("build", api.post(f"{path}/builds", json={"source_blob": {"url": uploaded(api)}}).json())
    hostname = f"{app['name']}.example.com"
    check("domain", api.post(f"{path}/domains", json={"hostname": hostname, "sni_endpoint": None}).json())
    for domain in api.get(f"{path}/domains").json():
        check("domain", domain)
    check("log-session", api.post(f"{path}/log-sessions", json={"lines": 10, "tail": True, "dyno": "web.1"}).json())
    check("oauth-authorization", api.post("/oauth/authorizations", json={}).json())
    check("source", api.post("/sources").json())
    check("stack", api.get("/stacks/debian-12").json())
    check("region", api.get("/regions").json()[0])
    check("dyno-size", api.get("/dyno-sizes").json()[0])
    for collaborator in api.get(f"{path}/collaborators").json():
        check("collaborator", collaborator)
    for installation in api.put(
        f"{path}/buildpack-installations", json={"updates": [{"buildpack": "heroku/python"}]}
    ).json():
        check("buildpack-installation", installation)


def test_a_key_has_herokus_shape(api, tmp_path):
    import subprocess

    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", tmp_path / "key"], check=True)
    key = api.post("/account/keys", json={"public_key": (tmp_path / "key.pub").read_text()})
    assert key.status_code == 201
    check("key", key.json())


def test_times_are_utc_with_seconds(api):
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", fresh(api)["created_at"])


def test_every_answer_has_a_request_id_and_tells_what_is_left(api):
    for answer in (api.get("/apps"), api.get("/apps/none"), api.get("/nowhere"), api.patch("/apps/x", content=b"{")):
        uuid.UUID(answer.headers["Request-Id"])
    before, after = (int(api.get("/account").headers["RateLimit-Remaining"]) for _ in range(2))
    assert before - 1 <= after <= before


def test_an_unchanged_answer_is_304(api):
    name = fresh(api)["name"]
    first = api.get(f"/apps/{name}")
    again = api.get(f"/apps/{name}", headers={"If-None-Match": first.headers["ETag"]})
    assert (again.status_code, again.content) == (304, b"")
    api.patch(f"/apps/{name}", json={"maintenance": True})
    assert api.get(f"/apps/{name}", headers={"If-None-Match": first.headers["ETag"]}).status_code == 200


@pytest.mark.parametrize(
    "accept", ["application/vnd.heroku+json; version=3", "application/vnd.heroku+json; version=3.sdk", "*/*"]
)
def test_every_variant_of_version_3_is_served(api, accept):
    assert api.get("/account", headers={"Accept": accept}).status_code == 200


def test_another_version_is_refused(api):
    answer = api.get("/account", headers={"Accept": "application/vnd.heroku+json; version=2"})
    refused(answer, 406, "not_acceptable", "version=3")


def test_a_long_list_comes_in_pages_that_join_without_gap_or_repeat(api):
    app = fresh(api)
    slug = slug_of(app, web="x")
    for _ in range(5):
        api.post(f"/apps/{app['name']}/releases", json={"slug": slug})
    seen, wanted, pages = [], "version ..; order=desc,max=3", 0
    while wanted:
        answer = api.get(f"/apps/{app['name']}/releases", headers={"Range": wanted})
        seen += [entry["version"] for entry in answer.json()]
        wanted, pages = answer.headers.get("Next-Range"), pages + 1
        assert answer.status_code == (206 if wanted else 200)
        assert "version" in answer.headers["Accept-Ranges"]
    assert (seen, pages) == ([7, 6, 5, 4, 3, 2, 1], 3)
    refused(api.get("/apps", headers={"Range": "colour .."}), 416, "requested_range_not_satisfiable", "colour", "name")
    refused(api.get("/apps", headers={"Range": "id x.."}), 416, "requested_range_not_satisfiable", "x")


def test_a_range_on_a_single_resource_is_ignored(api):
    assert api.get("/account", headers={"Range": "id ..; max=1000"}).status_code == 200


def test_what_is_not_json_or_not_the_right_json_is_one_sentence(api):
    name = fresh(api)["name"]
    broken = api.patch(f"/apps/{name}", content=b"{", headers={"Content-Type": "application/json"})
    refused(broken, 400, "bad_request", "not valid JSON")
    refused(api.patch(f"/apps/{name}", json={"maintenance": "perhaps"}), 422, "invalid_params", "`maintenance`")
    refused(api.patch(f"/apps/{name}/formation", json={}), 422, "invalid_params", "`updates` is required")
    refused(api.patch(f"/apps/{name}/config-vars", json=["A"]), 422, "invalid_params")
    refused(api.post("/apps", json={"name": 7}), 422, "invalid_params", "`name`")
    refused(api.put("/apps"), 404, "not_found", "The requested API endpoint was not found.")
    assert api.post("/apps").status_code == 201  # no body at all
    assert api.post("/apps", content=b'{"maintenance": true}').status_code == 201  # no Content-Type


def test_lists_of_what_is_not_there_yet_are_empty(api):
    name = fresh(api)["name"]
    for path in ("addons", "addon-attachments"):
        assert api.get(f"/apps/{name}/{path}").json() == []
    for path in ("teams", "addons"):
        assert api.get(f"/{path}").json() == []


def test_health_needs_no_token_and_tells_what_answers(api):
    found = api.get("/health", headers={"Authorization": ""})
    assert (found.status_code, found.json()["database"], found.json()["redis"]) == (200, True, True)
    assert found.json()["platform"] == "hokku"


def test_the_schema_is_published(api):
    assert "/apps/{app}/formation" in api.get("/openapi.json").json()["paths"]


def test_domains_are_one_apps_only(api):
    mine, other = fresh(api)["name"], fresh(api)["name"]
    default = api.get(f"/apps/{mine}/domains").json()[0]
    assert (default["hostname"], default["kind"]) == (f"{mine}.apps.localhost", "heroku")
    host = f"www.{mine}.example.com"
    assert api.post(f"/apps/{mine}/domains", json={"hostname": host.upper()}).json()["hostname"] == host
    refused(api.post(f"/apps/{other}/domains", json={"hostname": host}), 422, "invalid_params", "another app")
    refused(api.post(f"/apps/{mine}/domains", json={"hostname": host}), 422, "invalid_params", "already added")
    refused(api.delete(f"/apps/{mine}/domains/{default['hostname']}"), 422, "invalid_params", "own domain")
    refused(api.delete(f"/apps/{other}/domains/{host}"), 404, "not_found", "Couldn't find that domain name.")
    assert api.delete(f"/apps/{mine}/domains/{host}").status_code == 200
    assert api.post(f"/apps/{other}/domains", json={"hostname": host}).status_code == 201


def test_a_password_is_changed_with_the_present_one_only(api):
    from tests.integration.test_api_access import as_basic, person

    headers = person(api, "changer@example.com")
    wrong = api.patch("/account", headers=headers, json={"password": "nope", "new_password": "even longer"})
    refused(wrong, 403, "forbidden")
    right = {"password": "long enough", "new_password": "even longer"}
    assert api.patch("/account", headers=headers, json=right).status_code == 200
    assert api.get("/account", headers=as_basic("changer@example.com", "even longer")).status_code == 200
    with session() as opened:
        stored = [account.password_hash for account in opened.query(Account)]
    assert all(value.startswith("$argon2") for value in stored)
