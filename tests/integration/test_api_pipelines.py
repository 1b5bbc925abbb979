"""Pipelines: apps in stages, and promotions that release one app's slug on others."""

from __future__ import annotations

import uuid

import pytest

from hokku.store import rollouts
from hokku.store.engine import session
from hokku.store.tables import Release, ReleaseStatus, Slug
from tests.integration.test_api_access import person
from tests.integration.test_api_apps import fresh, refused, slug_of
from tests.integration.test_api_shapes import check


def named() -> str:
    """A name that no other test uses."""
    return f"p{uuid.uuid4().hex[:12]}"


def deployed(api, headers=None, **types):
    """A new app whose slug serves."""
    app = api.post("/apps", headers=headers, json={}).json()
    made = api.post(f"/apps/{app['name']}/releases", headers=headers, json={"slug": slug_of(app, **types)}).json()
    decide(made, ReleaseStatus.SUCCEEDED)
    return app


def decide(release, status, error=None):
    """Give the release a verdict, as the manifold does."""
    with session() as opened:
        rollouts.decide(opened, uuid.UUID(release["id"]), status, error)


def coupled(api, pipeline, stage, app, headers=None):
    """Put the app into a stage."""
    body = {"app": app["name"], "pipeline": pipeline["id"], "stage": stage}
    answer = api.post("/pipeline-couplings", headers=headers, json=body)
    assert answer.status_code == 201, answer.text
    return answer.json()


def piped(api, *stages, headers=None):
    """A pipeline, and a new app for each stage; the first is deployed."""
    pipeline = api.post("/pipelines", headers=headers, json={"name": named()}).json()
    apps = [deployed(api, headers, web="run", worker="work")]
    apps += [api.post("/apps", headers=headers, json={}).json() for _ in stages[1:]]
    for stage, app in zip(stages, apps, strict=True):
        coupled(api, pipeline, stage, app, headers)
    return pipeline, apps


def promotion(pipeline, source, *targets):
    """The body of a request to promote."""
    return {
        "pipeline": {"id": pipeline["id"]},
        "source": {"app": {"id": source["id"]}},
        "targets": [{"app": {"id": target["id"]}} for target in targets],
    }


def test_a_pipeline_is_made_found_renamed_and_deleted_as_the_cli_asks_for_it(api):
    name = named()
    me = api.get("/users/~").json()
    body = {"name": name, "owner": {"id": me["id"], "type": "user"}, "generation": {"name": "cedar"}}
    made = api.post("/pipelines", json=body)
    assert made.status_code == 201
    pipeline = made.json()
    check("pipeline", pipeline)
    assert api.get("/pipelines", params={"eq[name]": name}).json() == [pipeline]
    assert api.get(f"/pipelines/{name}").json() == api.get(f"/pipelines/{pipeline['id']}").json() == pipeline
    assert pipeline in api.get("/pipelines").json()
    refused(api.post("/pipelines", json=body), 422, "invalid_params", name, "already taken")
    other = named()
    assert api.patch(f"/pipelines/{pipeline['id']}", json={"name": other}).json()["name"] == other
    assert api.get("/pipelines", params={"eq[name]": name}).json() == []
    assert api.request("DELETE", f"/pipelines/{pipeline['id']}", json={"name": other}).status_code == 200
    refused(api.get(f"/pipelines/{pipeline['id']}"), 404, "not_found", "Couldn't find that pipeline.")


@pytest.mark.parametrize("name", ["ab", "Abc", "1abc", "a" * 31, "a_b", "", "a b"])
def test_a_bad_pipeline_name_is_answered_with_the_rule(api, name):
    refused(api.post("/pipelines", json={"name": name}), 422, "invalid_params", "3 to 30 characters")


def test_a_pipeline_of_a_team_or_of_somebody_else_is_refused(api):
    team = {"name": named(), "owner": {"id": str(uuid.uuid4()), "type": "team"}}
    refused(api.post("/pipelines", json=team), 422, "invalid_params", "Teams are not there")
    other = {"name": named(), "owner": {"id": str(uuid.uuid4()), "type": "user"}}
    refused(api.post("/pipelines", json=other), 422, "invalid_params", "for oneself")


def test_an_app_goes_into_a_stage_moves_and_leaves(api):
    pipeline, (app,) = piped(api, "staging")
    coupling = api.get(f"/apps/{app['name']}/pipeline-couplings").json()
    check("pipeline-coupling", coupling)
    assert (coupling["stage"], coupling["pipeline"]["name"]) == ("staging", pipeline["name"])
    assert api.get(f"/pipelines/{pipeline['id']}/pipeline-couplings").json() == [coupling]
    assert api.get(f"/pipeline-couplings/{coupling['id']}").json() == coupling
    for path in ("/pipeline-couplings", "/users/~/pipeline-couplings"):
        assert coupling in api.get(path).json()
    moved = api.patch(f"/pipeline-couplings/{coupling['id']}", json={"stage": "production"})
    assert moved.json()["stage"] == "production"
    bad = api.patch(f"/pipeline-couplings/{coupling['id']}", json={"stage": "nowhere"})
    refused(bad, 422, "invalid_params", "nowhere", "staging")
    again = api.post("/pipeline-couplings", json={"app": app["id"], "pipeline": pipeline["id"], "stage": "staging"})
    refused(again, 422, "invalid_params", app["name"], "pipelines:remove")
    assert api.delete(f"/pipeline-couplings/{coupling['id']}").json()["id"] == coupling["id"]
    refused(api.get(f"/apps/{app['name']}/pipeline-couplings"), 404, "not_found", "pipeline coupling")
    refused(api.get(f"/pipeline-couplings/{coupling['id']}"), 404, "not_found", "pipeline coupling")


def test_a_deleted_app_leaves_its_pipeline(api):
    pipeline, (app,) = piped(api, "staging")
    api.delete(f"/apps/{app['name']}")
    assert api.get(f"/pipelines/{pipeline['id']}/pipeline-couplings").json() == []


def test_the_apps_of_a_pipeline_are_read_with_a_filter(api):
    _, apps = piped(api, "staging", "production")
    ids = [app["id"] for app in apps]
    wanted = {"in": {"id": [*ids, str(uuid.uuid4())]}}
    found = api.post("/filters/apps", json=wanted, headers={"Range": "id ..; max=1000;"})
    assert found.status_code == 200
    assert sorted(app["id"] for app in found.json()) == sorted(ids)
    check("app", found.json()[0])
    assert api.post("/filters/apps", json={"in": {"id": []}}).json() == []
    refused(api.post("/filters/apps", json={"in": {"id": ["x"]}}), 422, "invalid_params", "in.id")


def test_a_promotion_releases_the_slug_on_every_target_with_the_targets_config(api):
    pipeline, (source, one, two) = piped(api, "staging", "production", "production")
    api.patch(f"/apps/{one['name']}/config-vars", json={"PLACE": "production"})
    made = api.post("/pipeline-promotions", json=promotion(pipeline, source, one, two))
    assert made.status_code == 201, made.text
    check("pipeline-promotion", made.json())
    path = f"/pipeline-promotions/{made.json()['id']}"
    targets = api.get(f"{path}/promotion-targets").json()
    for target in targets:
        check("pipeline-promotion-target", target)
    assert {target["app"]["id"] for target in targets} == {one["id"], two["id"]}
    assert [target["status"] for target in targets] == ["pending", "pending"]
    assert api.get(path).json()["status"] == "pending"
    of_one = next(target for target in targets if target["app"]["id"] == one["id"])
    release = api.get(f"/apps/{one['id']}/releases/{of_one['release']['id']}").json()
    assert release["description"] == f"Promote {source['name']} v3 abcdef12"
    assert api.get(f"/apps/{one['name']}/config-vars").json() == {"PLACE": "production"}
    slug = api.get(f"/apps/{one['id']}/slugs/{release['slug']['id']}").json()
    original = api.get(f"/apps/{source['id']}/releases/3").json()["slug"]["id"]
    theirs = api.get(f"/apps/{source['id']}/slugs/{original}").json()
    assert slug["id"] != theirs["id"]
    for same in ("checksum", "commit", "process_types", "size", "stack"):
        assert slug[same] == theirs[same]
    formation = api.get(f"/apps/{one['name']}/formation").json()
    assert [(entry["type"], entry["quantity"]) for entry in formation] == [("web", 1), ("worker", 0)]


def test_a_promotions_targets_follow_the_rollout(api):
    pipeline, (source, good, bad) = piped(api, "staging", "production", "production")
    made = api.post("/pipeline-promotions", json=promotion(pipeline, source, good, bad)).json()
    path = f"/pipeline-promotions/{made['id']}"

    def states():
        found = api.get(f"{path}/promotion-targets").json()
        return {target["app"]["id"]: (target["status"], target["error_message"]) for target in found}

    release = {t["app"]["id"]: t["release"] for t in api.get(f"{path}/promotion-targets").json()}
    ids = uuid.UUID(good["id"]), uuid.UUID(release[good["id"]]["id"])
    with session() as opened:
        rollouts.write(opened, *ids, rollouts.ROLLING)
    decide(release[good["id"]], ReleaseStatus.SUCCEEDED)
    assert states()[good["id"]] == ("pending", None)  # current, but the old dynos are still in the routers
    with session() as opened:
        rollouts.write(opened, *ids, rollouts.SERVING)
    decide(release[bad["id"]], ReleaseStatus.FAILED, "web.1 did not boot")
    assert states() == {good["id"]: ("succeeded", None), bad["id"]: ("failed", "web.1 did not boot")}
    assert api.get(path).json()["status"] == "completed"


def test_the_first_release_that_crashes_is_a_failed_promotion(api):
    pipeline, (source, target) = piped(api, "staging", "production")
    made = api.post("/pipeline-promotions", json=promotion(pipeline, source, target)).json()
    path = f"/pipeline-promotions/{made['id']}/promotion-targets"
    release = api.get(path).json()[0]["release"]
    decide(release, ReleaseStatus.SUCCEEDED)
    with session() as opened:
        rollouts.write(opened, uuid.UUID(target["id"]), uuid.UUID(release["id"]), rollouts.FAILED, "it crashed at once")
    assert [(t["status"], t["error_message"]) for t in api.get(path).json()] == [("failed", "it crashed at once")]


def test_what_cannot_be_promoted_is_explained_and_changes_nothing(api):
    pipeline, (source, target) = piped(api, "staging", "production")
    outside = fresh(api)

    def promote(*arguments, **source_more):
        body = promotion(pipeline, *arguments)
        body["source"] |= source_more
        return api.post("/pipeline-promotions", json=body)

    refused(promote(source, source), 422, "invalid_params", "itself")
    refused(promote(source, target, outside), 422, "invalid_params", outside["name"], "pipelines:add")
    refused(promote(target, source), 422, "invalid_params", target["name"], "Deploy it first")
    refused(promote(source), 422, "invalid_params", "targets")
    refused(promote(source, {"id": str(uuid.uuid4())}), 404, "not_found", "Couldn't find that app.")
    refused(promote(source, target, release={"id": str(uuid.uuid4())}), 404, "not_found", "release")
    assert len(api.get(f"/apps/{target['name']}/releases").json()) == 2
    old = api.get(f"/apps/{source['name']}/releases/3").json()
    api.patch(f"/apps/{source['name']}/config-vars", json={"A": "1"})
    assert promote(source, target, release={"id": old["id"]}).status_code == 201


def test_a_promoted_slug_outlives_its_source(api):
    pipeline, (source, target) = piped(api, "staging", "production")
    api.post("/pipeline-promotions", json=promotion(pipeline, source, target))
    api.delete(f"/apps/{source['name']}")
    with session() as opened:
        release = opened.query(Release).filter_by(app_id=uuid.UUID(target["id"]), version=3).one()
        assert opened.get(Slug, release.slug_id).app_id == uuid.UUID(target["id"])


@pytest.fixture(scope="module")
def crew(api):
    """Headers of the owner of a pipeline, of a collaborator of its first app, and of a stranger."""
    names = ("piper", "helper", "outsider")
    found = {name: person(api, f"{name}@example.com") for name in names}
    pipeline, apps = piped(api, "staging", "production", headers=found["piper"])
    shared = api.post(
        f"/apps/{apps[0]['name']}/collaborators", headers=found["piper"], json={"user": "helper@example.com"}
    )
    assert shared.status_code == 201
    return found | {"pipeline": pipeline, "apps": apps}


def test_a_stranger_cannot_tell_a_pipeline_from_none(api, crew):
    pipeline, (source, target) = crew["pipeline"], crew["apps"]
    coupling = api.get(f"/apps/{source['name']}/pipeline-couplings", headers=crew["piper"]).json()
    made = api.post("/pipeline-promotions", headers=crew["piper"], json=promotion(pipeline, source, target)).json()
    headers = crew["outsider"]
    assert api.get("/pipelines", headers=headers).json() == []
    assert api.get("/pipelines", headers=headers, params={"eq[name]": pipeline["name"]}).json() == []
    assert api.get("/pipeline-couplings", headers=headers).json() == []
    assert api.post("/filters/apps", headers=headers, json={"in": {"id": [source["id"]]}}).json() == []
    nowhere = str(uuid.uuid4())
    for method, path, found in (
        ("GET", "/pipelines/{}", pipeline["id"]),
        ("GET", "/pipelines/{}", pipeline["name"]),
        ("PATCH", "/pipelines/{}", pipeline["id"]),
        ("DELETE", "/pipelines/{}", pipeline["id"]),
        ("GET", "/pipelines/{}/pipeline-couplings", pipeline["id"]),
        ("GET", "/pipeline-couplings/{}", coupling["id"]),
        ("DELETE", "/pipeline-couplings/{}", coupling["id"]),
        ("GET", "/pipeline-promotions/{}", made["id"]),
        ("GET", "/pipeline-promotions/{}/promotion-targets", made["id"]),
    ):
        theirs = api.request(method, path.format(found), headers=headers, json={})
        missing = api.request(method, path.format(nowhere), headers=headers, json={})
        assert (theirs.status_code, theirs.json()) == (404, missing.json()), (method, path)
    mine = api.post("/apps", headers=headers, json={}).json()
    couple = {"app": mine["id"], "pipeline": pipeline["id"], "stage": "staging"}
    refused(api.post("/pipeline-couplings", headers=headers, json=couple), 404, "not_found", "pipeline")
    own = api.post("/pipelines", headers=headers, json={"name": named()}).json()
    couple = {"app": target["id"], "pipeline": own["id"], "stage": "staging"}
    refused(api.post("/pipeline-couplings", headers=headers, json=couple), 404, "not_found", "app")


def test_a_collaborator_sees_the_pipeline_with_the_apps_they_use_and_changes_nothing(api, crew):
    pipeline, (source, target), headers = crew["pipeline"], crew["apps"], crew["helper"]
    assert api.get("/pipelines", headers=headers).json() == [pipeline]
    seen = api.get(f"/pipelines/{pipeline['id']}/pipeline-couplings", headers=headers).json()
    assert [coupling["app"]["id"] for coupling in seen] == [source["id"]]
    path, coupling = f"/pipelines/{pipeline['id']}", f"/pipeline-couplings/{seen[0]['id']}"
    refused(api.patch(path, headers=headers, json={"name": named()}), 403, "forbidden", "owner")
    refused(api.delete(path, headers=headers), 403, "forbidden", "owner")
    refused(api.patch(coupling, headers=headers, json={"stage": "production"}), 403, "forbidden", "owner")
    refused(api.delete(coupling, headers=headers), 403, "forbidden", "owner")
    body = promotion(pipeline, source, target)
    refused(api.post("/pipeline-promotions", headers=headers, json=body), 403, "forbidden", source["name"])
    mine = deployed(api, headers, web="x")
    couple = {"app": mine["id"], "pipeline": pipeline["id"], "stage": "staging"}
    refused(api.post("/pipeline-couplings", headers=headers, json=couple), 403, "forbidden", "owner")
    made = api.post("/pipeline-promotions", headers=crew["piper"], json=body).json()
    assert api.get(f"/pipeline-promotions/{made['id']}/promotion-targets", headers=headers).json() == []


def test_ones_own_pipeline_goes_before_one_of_the_same_name_that_is_only_seen(api, crew):
    pipeline, headers = crew["pipeline"], crew["helper"]
    assert api.get(f"/pipelines/{pipeline['name']}", headers=headers).json() == pipeline
    own = api.post("/pipelines", headers=headers, json={"name": pipeline["name"]}).json()
    assert api.get(f"/pipelines/{pipeline['name']}", headers=headers).json() == own
    assert api.delete(f"/pipelines/{pipeline['name']}", headers=headers).json() == own
    assert api.get(f"/pipelines/{pipeline['name']}", headers=headers).json() == pipeline


def test_a_pipeline_is_given_away_with_its_apps(api, crew):
    headers = crew["piper"]
    pipeline, apps = piped(api, "staging", "production", headers=headers)
    recipient = api.get("/users/helper@example.com", headers=headers).json()
    body = {"pipeline": {"id": pipeline["id"]}, "new_owner": {"id": recipient["id"], "type": "user"}}
    refused(api.post("/pipeline-transfers", headers=crew["outsider"], json=body), 404, "not_found", "pipeline")
    made = api.post("/pipeline-transfers", headers=headers, json=body)
    assert made.status_code == 201, made.text
    check("pipeline-transfer", made.json())
    assert made.json()["new_owner"]["id"] == recipient["id"]
    assert api.get(f"/pipelines/{pipeline['id']}", headers=crew["helper"]).json()["owner"]["id"] == recipient["id"]
    for app in apps:
        found = api.get(f"/apps/{app['id']}", headers=headers).json()  # who gave it stays a collaborator
        assert found["owner"]["id"] == recipient["id"]
        refused(api.delete(f"/apps/{app['id']}", headers=headers), 403, "forbidden")
    refused(api.delete(f"/pipelines/{pipeline['id']}", headers=headers), 403, "forbidden")
    body["new_owner"] = {"id": str(uuid.uuid4()), "type": "user"}
    refused(api.post("/pipeline-transfers", headers=crew["helper"], json=body), 404, "not_found", "account")
