"""Apps through the API, against a real database."""

from __future__ import annotations

import re
import uuid

import pytest

from hokku.store import slugs
from hokku.store.engine import session
from hokku.store.tables import Slug


def fresh(api, **wanted):
    """A new app's JSON."""
    answer = api.post("/apps", json=wanted)
    assert answer.status_code == 201, answer.text
    return answer.json()


def slug_of(app, **types) -> str:
    """The id of a slug of the app, as the builder would make it."""
    stored = slugs.keep([b"slug"], 100)
    with session() as opened:
        row = Slug(
            app_id=uuid.UUID(app["id"]),
            sha256=stored.sha256,
            size=stored.size,
            stack="debian-12",
            process_types=types,
            commit="abcdef1234",
        )
        opened.add(row)
        opened.flush()
        return str(row.id)


def released(api, **types):
    """A new app with one deployed slug of these process types."""
    app = fresh(api)
    answer = api.post(f"/apps/{app['name']}/releases", json={"slug": slug_of(app, **types)})
    assert answer.status_code == 201, answer.text
    return app


def refused(answer, status, error_id, *words):
    """Check a refusal: Heroku's JSON, and a sentence with these words."""
    assert (answer.status_code, answer.json()["id"]) == (status, error_id), answer.text
    for word in words:
        assert word in answer.json()["message"]


def test_an_app_without_a_name_gets_a_small_poem(api):
    assert re.fullmatch(r"[a-z]+-[a-z]+-\d{5}", fresh(api)["name"])


def test_an_app_is_found_by_name_and_by_id_and_listed(api):
    app = fresh(api, name="poem-one")
    assert api.get("/apps/poem-one").json() == api.get(f"/apps/{app['id']}").json() == app
    assert app["web_url"] == "http://poem-one.apps.localhost:8081/"
    for path in ("/apps", "/users/~/apps"):
        listed = api.get(path, headers={"Range": "name poem-one..; max=1"}).json()
        assert [entry["name"] for entry in listed] == ["poem-one"]


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("1abc", "must start with a letter"),
        ("Abc", "lowercase"),
        ("a-b-", "end with a letter or digit"),
        ("ab", "too short (minimum is 3"),
        ("a" * 31, "too long (maximum is 30"),
        ("bad name", "dashes"),
    ],
)
def test_a_bad_app_name_is_answered_with_the_rule(api, name, words):
    refused(api.post("/apps", json={"name": name}), 422, "invalid_params", words)


def test_a_taken_name_is_refused_and_free_again_after_deletion(api):
    fresh(api, name="taken-name")
    refused(api.post("/apps", json={"name": "taken-name"}), 422, "invalid_params", "Name taken-name is already taken")
    assert api.delete("/apps/taken-name").status_code == 200
    answer = api.get("/apps/taken-name")
    refused(answer, 404, "not_found", "Couldn't find that app.")
    assert answer.json()["resource"] == "app"
    fresh(api, name="taken-name")


def test_a_rename_keeps_releases(api):
    app = fresh(api)
    before = api.get(f"/apps/{app['name']}/releases").json()
    assert api.patch(f"/apps/{app['name']}", json={"name": "renamed-app"}).json()["name"] == "renamed-app"
    after = api.get("/apps/renamed-app/releases").json()
    assert [entry["id"] for entry in after] == [entry["id"] for entry in before]
    assert api.get(f"/apps/{app['name']}").status_code == 404


def test_the_first_deploy_is_v3_with_one_web_dyno_and_no_worker(api):
    app = released(api, web="python web.py", worker="python worker.py")
    versions = [(entry["version"], entry["description"]) for entry in api.get(f"/apps/{app['name']}/releases").json()]
    assert versions == [(1, "Initial release"), (2, "Enable Logplex"), (3, "Deploy abcdef12")]
    formation = api.get(f"/apps/{app['name']}/formation").json()
    assert [(entry["type"], entry["quantity"], entry["size"]) for entry in formation] == [
        ("web", 1, "Basic"),
        ("worker", 0, "Basic"),
    ]


def test_config_vars_make_releases_only_when_they_differ(api):
    name = fresh(api)["name"]
    assert api.patch(f"/apps/{name}/config-vars", json={"A": "1", "B": "x y"}).json() == {"A": "1", "B": "x y"}
    assert api.patch(f"/apps/{name}/config-vars", json={"A": "1"}).json() == {"A": "1", "B": "x y"}
    assert api.patch(f"/apps/{name}/config-vars", json={"B": None}).json() == {"A": "1"}
    texts = [entry["description"] for entry in api.get(f"/apps/{name}/releases").json()]
    assert texts[2:] == ["Set A, B config vars", "Remove B config vars"]


@pytest.mark.parametrize("name", ["A B", "1A", "A-B", "", "Ä", "A=B", "A\n"])
def test_a_bad_config_var_name_changes_nothing(api, name):
    app = fresh(api)["name"]
    refused(api.patch(f"/apps/{app}/config-vars", json={name: "1", "GOOD": "1"}), 422, "invalid_params", "not valid")
    assert api.get(f"/apps/{app}/config-vars").json() == {}
    assert len(api.get(f"/apps/{app}/releases").json()) == 2


def test_config_vars_cannot_be_read_from_the_database(api):
    from sqlalchemy import text

    name = fresh(api)["name"]
    api.patch(f"/apps/{name}/config-vars", json={"SECRET": "in-clear-text"})
    with session() as opened:
        stored = opened.execute(text("SELECT ciphertext FROM configs")).scalars().all()
        events = opened.execute(text("SELECT data::text FROM events")).scalars().all()
    assert stored
    assert not any(b"in-clear-text" in bytes(value) for value in stored)
    assert not any("in-clear-text" in value for value in events)


def test_a_rollback_is_a_new_release_with_the_exact_slug_and_config(api):
    app = fresh(api)
    name = app["name"]
    api.patch(f"/apps/{name}/config-vars", json={"A": "old"})
    api.post(f"/apps/{name}/releases", json={"slug": slug_of(app, web="one")})
    api.post(f"/apps/{name}/releases", json={"slug": slug_of(app, web="two")})
    api.patch(f"/apps/{name}/config-vars", json={"A": "new"})
    old, made = (
        api.get(f"/apps/{name}/releases/4").json(),
        api.post(f"/apps/{name}/releases", json={"release": "v4"}).json(),
    )
    assert (made["version"], made["description"], made["slug"]) == (7, "Rollback to v4", old["slug"])
    assert api.get(f"/apps/{name}/config-vars").json() == {"A": "old"}
    refused(api.post(f"/apps/{name}/releases", json={"release": "1"}), 422, "invalid_params", "v1", "no slug")
    refused(api.post(f"/apps/{name}/releases", json={"release": "99"}), 404, "not_found", "Couldn't find that release.")


def test_another_apps_slug_cannot_be_released(api):
    mine, other = fresh(api), fresh(api)
    answer = api.post(f"/apps/{mine['name']}/releases", json={"slug": slug_of(other, web="x")})
    refused(answer, 404, "not_found", "Couldn't find that slug.")


@pytest.mark.parametrize(("quantity", "after"), [("3", 3), (2, 2), ("+1", 2), ("-1", 0), ("0", 0), (None, 1)])
def test_scaling_knows_herokus_ways_to_say_how_many(api, quantity, after):
    name = released(api, web="x")["name"]
    answer = api.patch(f"/apps/{name}/formation", json={"updates": [{"type": "web", "quantity": quantity}]})
    assert answer.json()[0]["quantity"] == after


def test_scaling_what_cannot_be_scaled_is_explained_and_changes_nothing(api):
    name = released(api, web="x", worker="y")["name"]

    def scale(*updates):
        return api.patch(f"/apps/{name}/formation", json={"updates": list(updates)})

    good = {"type": "web", "quantity": "2"}
    refused(scale(good, {"type": "wrk", "quantity": "1"}), 404, "not_found", "wrk", "web, worker")
    refused(scale(good, {"type": "worker", "quantity": "many"}), 422, "invalid_params", "'many'", "worker")
    refused(scale(good, {"type": "worker", "quantity": "-1"}), 422, "invalid_params", "less than 0")
    refused(scale(good, {"type": "worker", "quantity": "5000"}), 422, "invalid_params", "at most 100")
    refused(scale(good, {"type": "worker", "size": "Huge"}), 422, "invalid_params", "Huge", "Standard-1X")
    assert [entry["quantity"] for entry in api.get(f"/apps/{name}/formation").json()] == [1, 0]
    refused(
        api.patch(f"/apps/{fresh(api)['name']}/formation", json={"updates": [good]}),
        404,
        "not_found",
        "not deployed yet",
    )


def test_the_log_tells_what_was_done_in_herokus_words(api, monkeypatch):
    lines = []
    from hokku.release import log_lines

    monkeypatch.setattr(log_lines, "_write", lambda app_id, text: lines.append(text))
    app = released(api, web="x")
    api.patch(f"/apps/{app['name']}/formation", json={"updates": [{"type": "web", "quantity": 2}]})
    api.patch(f"/apps/{app['name']}/formation", json={"updates": [{"type": "web", "quantity": -2}]})
    by = "by user admin@example.com"
    assert lines == [
        f"Initial release {by}",
        f"Release v1 created {by}",
        f"Enable Logplex {by}",
        f"Release v2 created {by}",
        f"Deploy abcdef12 {by}",
        f"Release v3 created {by}",
        f"Scaled to web@2:Basic {by}",
    ]
