"""Features of apps: real ones only, and what they change."""

from __future__ import annotations

import uuid

from hokku.manifold import metrics
from hokku.store import wanted
from hokku.store.engine import session
from hokku.store.tables import Dyno, DynoState, Release
from tests.integration.test_api_access import person
from tests.integration.test_api_apps import fresh, refused, released, slug_of
from tests.integration.test_api_shapes import check


def test_an_apps_features_are_listed_and_found_by_name_and_id(api):
    path = f"/apps/{fresh(api)['name']}/features"
    found = {feature["name"]: feature for feature in api.get(path).json()}
    assert [name for name, feature in found.items() if feature["enabled"]] == ["preboot", "runtime-dyno-metadata"]
    for feature in found.values():
        check("app-feature", feature)
        assert api.get(f"{path}/{feature['name']}").json() == api.get(f"{path}/{feature['id']}").json() == feature
    refused(api.get(f"{path}/session-affinity"), 404, "not_found", "Couldn't find that app feature.")


def test_preboot_cannot_be_turned_off(api):
    path = f"/apps/{fresh(api)['name']}/features/preboot"
    refused(api.patch(path, json={"enabled": False}), 422, "invalid_params", "preboot", "Always on")
    assert api.patch(path, json={"enabled": True}).json()["enabled"] is True


def test_metadata_is_in_the_dynos_of_releases_made_while_it_is_on(api):
    app = fresh(api)
    path = f"/apps/{app['name']}"

    def environment():
        made = api.post(f"{path}/releases", json={"slug": slug_of(app, web="x")}).json()
        return lambda: _payload(made["id"])

    first = environment()
    changed = api.patch(f"{path}/features/runtime-dyno-metadata", json={"enabled": False})
    assert changed.json()["enabled"] is False
    assert "next release" in changed.headers["Warning-Message"]
    second = environment()
    api.patch(f"{path}/features/runtime-dyno-metadata", json={"enabled": True})
    third = environment()
    on = {
        "HEROKU_APP_NAME": app["name"],
        "HEROKU_APP_ID": app["id"],
        "HEROKU_APP_DEFAULT_DOMAIN_NAME": f"{app['name']}.apps.localhost",
        "HEROKU_SLUG_COMMIT": "abcdef1234",
    }
    assert first().items() >= (on | {"HEROKU_RELEASE_VERSION": "v3"}).items()
    assert not [name for name in second() if name.startswith("HEROKU_")]
    assert third().items() >= (on | {"HEROKU_RELEASE_VERSION": "v5"}).items()


def _payload(release):
    with session() as opened:
        return wanted.payload(opened, uuid.UUID(release)).environment


def test_switching_to_what_is_already_so_changes_nothing(api):
    path = f"/apps/{fresh(api)['name']}/features/runtime-dyno-metadata"
    before = api.get(path).json()
    again = api.patch(path, json={"enabled": True})
    assert (again.json(), "Warning-Message" in again.headers) == (before, False)


def test_only_the_owner_switches_features(api):
    headers = {name: person(api, f"{name}@features.example.com") for name in ("owner", "helper", "stranger")}
    name = api.post("/apps", headers=headers["owner"], json={}).json()["name"]
    share = {"user": "helper@features.example.com"}
    api.post(f"/apps/{name}/collaborators", headers=headers["owner"], json=share)
    path = f"/apps/{name}/features/runtime-dyno-metadata"
    assert api.get(path, headers=headers["helper"]).status_code == 200
    refused(api.patch(path, headers=headers["helper"], json={"enabled": False}), 403, "forbidden", "owner")
    refused(api.get(path, headers=headers["stranger"]), 404, "not_found", "Couldn't find that app.")
    refused(api.patch(path, headers=headers["stranger"], json={"enabled": False}), 404, "not_found", "that app.")
    assert api.patch(path, headers=headers["owner"], json={"enabled": False}).status_code == 200


def test_accounts_have_no_features_of_their_own(api):
    assert api.get("/account/features").json() == []
    refused(api.get("/account/features/x"), 404, "not_found", "account feature")
    refused(api.patch("/account/features/x", json={"enabled": True}), 404, "not_found", "account feature")


def test_only_apps_that_turned_metrics_on_are_measured_while_their_dynos_run(api):
    on, off = released(api, web="x"), released(api, web="x")
    ran = [_dyno(app, number, state) for app in (on, off) for number, state in ((1, "up"), (2, "crashed"))]
    path = f"/apps/{on['name']}/features/log-runtime-metrics"
    assert api.get(path).json()["enabled"] is False
    assert _measured() & set(ran) == set()
    assert api.patch(path, json={"enabled": True}).json()["enabled"] is True
    assert _measured() & set(ran) == {ran[0]}
    api.patch(path, json={"enabled": False})
    assert _measured() & set(ran) == set()
    api.patch(path, json={"enabled": True})
    api.delete(f"/apps/{on['name']}")
    assert _measured() & set(ran) == set()


def _measured():
    return {dyno.instance for dyno in metrics.measured()}


def _dyno(app, number, state):
    instance = f"d-{uuid.uuid4().hex}"
    with session() as opened:
        release = opened.query(Release).filter_by(app_id=uuid.UUID(app["id"]), version=3).one().id
        place = {"instance": instance, "host": "dyno1", "slot": number, "address": "10.99.1.8"}
        ids = {"app_id": uuid.UUID(app["id"]), "release_id": release}
        opened.add(Dyno(**ids, **place, type="web", number=number, size="basic", command="x", state=DynoState(state)))
    return instance
