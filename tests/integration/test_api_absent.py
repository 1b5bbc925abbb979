"""What is not there is an empty list, or a sentence that says so; never an endpoint that was "not found"."""

from __future__ import annotations

import uuid

import pytest

from tests.integration.test_api_apps import fresh, refused, released
from tests.integration.test_api_pipelines import piped

PROVIDER = "No add-on provider"


@pytest.mark.parametrize(
    "path", ["addons", "addon-attachments", "addon-services", "teams", "spaces", "enterprise-accounts", "oauth/clients"]
)
def test_lists_of_what_is_not_there_are_empty(api, path):
    assert api.get(f"/{path}").json() == []


def test_lists_of_what_is_not_there_of_an_app_and_a_pipeline_are_empty(api):
    pipeline, (app,) = piped(api, "staging")
    for path in ("addons", "addon-attachments", "telemetry-drains"):
        assert api.get(f"/apps/{app['name']}/{path}").json() == []
        assert api.get(f"/apps/no-such-app/{path}").status_code == 404
    for path in ("review-apps", "test-runs"):
        assert api.get(f"/pipelines/{pipeline['id']}/{path}").json() == []
        assert api.get(f"/pipelines/{uuid.uuid4()}/{path}").status_code == 404


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("/apps/{}/addons", PROVIDER),
        ("/addon-attachments", PROVIDER),
        ("/teams", "Teams and their spaces are not there"),
        ("/teams/apps", "Teams and their spaces are not there"),
        ("/spaces", "Private spaces"),
        ("/oauth/clients", "authorizations:create"),
        ("/telemetry-drains", "heroku drains:add"),
        ("/review-apps", "Review apps"),
        ("/test-runs", "CI of your own"),
        ("/app-setups", "App setups"),
        ("/auth", "heroku login -i"),
    ],
)
def test_making_what_is_not_there_is_refused_with_a_reason(api, path, words):
    name = fresh(api)["name"]
    refused(api.post(path.format(name), json={"plan": {"name": "heroku-postgresql"}}), 422, "invalid_params", words)


@pytest.mark.parametrize(
    ("method", "path", "resource", "words"),
    [
        ("GET", "/addons/x", "add_on", PROVIDER),
        ("DELETE", "/apps/{}/addons/x", "add_on", PROVIDER),
        ("PATCH", "/apps/{}/addons/x", "add_on", PROVIDER),
        ("GET", "/apps/{}/addons/x/sso", "add_on", PROVIDER),
        ("GET", "/addon-services/heroku-postgresql/plans", "add_on_service", PROVIDER),
        ("GET", "/apps/{}/addon-attachments/DATABASE", "add_on attachment", PROVIDER),
        ("POST", "/actions/addons/resolve", "add_on", PROVIDER),
        ("POST", "/actions/addon-attachments/resolve", "add_on attachment", PROVIDER),
        ("GET", "/client/v11/apps/{}/transfers", "add_on", PROVIDER),
        ("GET", "/redis/v0/databases/x", "add_on", PROVIDER),
        ("GET", "/teams/x", "team", "Teams"),
        ("PATCH", "/teams/apps/{}", "team", "Teams"),
        ("GET", "/spaces/x/topology", "space", "spaces"),
        ("PATCH", "/oauth/clients/x", "oauth_client", "OAuth clients"),
        ("GET", "/apps/{}/review-app", "review_app", "Review apps"),
        ("PATCH", "/pipelines/x/stage/test/config-vars", "test_run", "CI"),
        ("GET", "/accounts/x/actions/get-quota", "account_quota", "dyno hours"),
        ("PUT", "/apps/{}/pre-authorizations", "preauthorization", "second factor"),
    ],
)
def test_what_is_not_there_is_not_found_in_herokus_form(api, method, path, resource, words):
    answer = api.request(method, path.format(fresh(api)["name"]), json={"addon": "x", "app": "y"})
    refused(answer, 404, "not_found", "Couldn't find that", words)
    assert answer.json()["resource"] == resource


def test_nothing_is_told_of_apps_by_what_is_not_there(api):
    known, unknown = (api.get(f"/apps/{name}/addons/x").json() for name in (fresh(api)["name"], "no-such-app"))
    assert known == unknown


def test_what_heroku_has_neither_is_no_endpoint(api):
    refused(api.get("/nowhere/x"), 404, "not_found", "The requested API endpoint was not found.")


def test_docker_images_are_refused_and_change_nothing(api):
    name = released(api, web="x")["name"]
    images = {"updates": [{"type": "web", "docker_image": "sha256:" + "0" * 64}]}
    refused(api.patch(f"/apps/{name}/formation", json=images), 422, "invalid_params", "Docker images")
    refused(api.patch(f"/apps/{name}", json={"build_stack": "container"}), 422, "invalid_params", "container")
