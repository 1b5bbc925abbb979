"""Which buildpacks an app uses, through the API as the CLI does it."""

from __future__ import annotations

import base64
import json
import uuid

import pytest
from sqlalchemy import text

from hokku.build.job import Job
from hokku.store.engine import session
from hokku.store.tables import Build
from tests.integration.test_api_access import person
from tests.integration.test_api_apps import fresh, refused
from tests.integration.test_api_builds import uploaded

PLAIN = "https://github.com/example/buildpack.git#v1"
SECRET = "https://deploy:hunter2-is-secret@example.com/private.git"


def put(api, app, *names):
    return api.put(f"/apps/{app['name']}/buildpack-installations", json={"updates": [{"buildpack": n} for n in names]})


def order_of(build_id):
    """What the builder would be told to build."""
    with session() as opened:
        build = opened.get_one(Build, uuid.UUID(build_id))
    return Job(build, "test")._order()


def test_names_and_urls_are_kept_in_their_order(api):
    app = fresh(api)
    answer = put(api, app, PLAIN, "heroku/python")
    assert answer.status_code == 200, answer.text
    assert answer.json() == [
        {"ordinal": 0, "buildpack": {"url": PLAIN, "name": PLAIN}},
        {"ordinal": 1, "buildpack": {"url": "urn:buildpack:heroku/python", "name": "heroku/python"}},
    ]
    again = put(api, app, "heroku/python", "https://example.com/pack.tgz", PLAIN)  # as `buildpacks:add -i 2` sends it
    assert [entry["buildpack"]["name"] for entry in again.json()][1] == "https://example.com/pack.tgz"
    assert put(api, app).json() == api.get(f"/apps/{app['name']}/buildpack-installations").json() == []


@pytest.mark.parametrize(
    ("names", "words"),
    [
        (["heroku/cobol"], "This platform has: heroku/"),
        (["file:///etc"], "is not fetched over file"),
        ([PLAIN, PLAIN], "is named twice"),
        ([f"https://example.com/{n}.git" for n in range(21)], "at most 20"),
        (["heroku/python", "ftp://me:hunter2@example.com/x"], "example.com/x is not fetched over ftp"),
    ],
)
def test_what_cannot_be_a_buildpack_is_refused_and_changes_nothing(api, names, words):
    app = fresh(api)
    put(api, app, PLAIN)
    answer = put(api, app, *names)
    refused(answer, 422, "invalid_params", words)
    assert "hunter2" not in answer.text
    assert api.get(f"/apps/{app['name']}/buildpack-installations").json()[0]["buildpack"]["url"] == PLAIN


def test_a_password_in_a_url_is_stored_encrypted_and_left_out_of_events(api):
    app = fresh(api)
    assert put(api, app, SECRET).json()[0]["buildpack"]["url"] == SECRET
    with session() as opened:
        stored = opened.scalar(text("SELECT buildpacks::text FROM apps WHERE id = :id"), {"id": app["id"]})
        events = opened.scalars(text("SELECT data::text FROM events WHERE app_id = :id"), {"id": app["id"]}).all()
    assert "hunter2" not in stored
    assert any("https://example.com/private.git" in data for data in events)
    assert "hunter2" not in json.dumps(events)


def test_a_build_takes_the_apps_buildpacks_or_its_own(api):
    app = fresh(api)
    put(api, app, SECRET, "heroku/python")
    blob = {"url": uploaded(api)}
    build = api.post(f"/apps/{app['name']}/builds", json={"source_blob": blob}).json()
    assert [pack["url"] for pack in build["buildpacks"]] == [SECRET, "urn:buildpack:heroku/python"]
    order = order_of(build["id"])
    assert order.buildpacks == (SECRET, "heroku/python")
    assert "hunter2" not in repr(order)
    own = {"source_blob": blob, "buildpacks": [{"url": PLAIN}, {"name": "heroku/python"}]}
    build = api.post(f"/apps/{app['name']}/builds", json=own).json()
    assert order_of(build["id"]).buildpacks == (PLAIN, "heroku/python")
    bad = own | {"buildpacks": [{"url": "file:///x"}]}
    refused(api.post(f"/apps/{app['name']}/builds", json=bad), 422, "invalid_params", "file")


def test_the_config_var_buildpack_url_goes_over_them(api):
    app = fresh(api)
    put(api, app, "heroku/python")
    api.patch(f"/apps/{app['name']}/config-vars", json={"BUILDPACK_URL": PLAIN})
    build = api.post(f"/apps/{app['name']}/builds", json={"source_blob": {"url": uploaded(api)}}).json()
    assert order_of(build["id"]).buildpacks == (PLAIN,)


def test_a_collaborator_sees_them_and_does_not_change_them(api):
    app, headers = fresh(api), person(api, "packs@example.com")
    api.post(f"/apps/{app['name']}/collaborators", json={"user": "packs@example.com"})
    path = f"/apps/{app['name']}/buildpack-installations"
    assert api.get(path, headers=headers).status_code == 200
    refused(api.put(path, headers=headers, json={"updates": []}), 403, "forbidden", "owner")


def test_the_registry_tells_what_the_cli_asks(api):
    found = api.get("/buildpacks/heroku%2Fpython", headers={"Authorization": ""}).json()
    app = fresh(api)
    assert put(api, app, found["blob_url"]).json()[0]["buildpack"]["name"] == "heroku/python"
    unknown = api.get("/buildpacks/heroku%2Fcobol", headers={"Authorization": ""}).json()
    refused(put(api, app, unknown["blob_url"]), 422, "invalid_params", "heroku/cobol is not there", "heroku/python")


def test_the_registry_is_searched_and_tells_of_a_buildpack(api):
    anyone = {"Authorization": ""}
    python = api.get("/buildpacks/heroku%2Fpython", headers=anyone).json()
    assert python in api.get("/buildpacks", headers=anyone).json()
    fits = (
        "in[name][]=python",
        "in[namespace][]=heroku&in[name][]=cobol&in[name][]=python",
        "like[description]=PYTHON",
    )
    for query in fits:
        assert api.get(f"/buildpacks?{query}", headers=anyone).json() == [python], query
    for query in ("in[name][]=cobol", "in[namespace][]=python", "like[description]=cobol"):
        assert api.get(f"/buildpacks?{query}", headers=anyone).json() == [], query
    assert api.get("/buildpacks/heroku%2Fpython/revisions", headers=anyone).json()[0]["status"] == "published"
    said = base64.b64decode(api.get("/buildpacks/heroku%2Fpython/readme", headers=anyone).json()["content"]).decode()
    assert "heroku buildpacks:set heroku/python" in said
    for path in ("revisions", "readme"):
        refused(api.get(f"/buildpacks/heroku%2Fcobol/{path}", headers=anyone), 404, "not_found", "heroku/cobol")
