"""Pipelines: an app's slug goes from staging to production."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator

import pytest
from official_cli import HerokuCli, Person
from platform_client import App, Platform, wait_for
from sources import web


@pytest.fixture
def pipeline(platform: Platform) -> Iterator[str]:
    """A name for a pipeline, which is destroyed after the test, under its later name too."""
    name = f"line-{uuid.uuid4().hex[:6]}"
    yield name
    for found in platform.call("GET", "/pipelines").json():
        if found["name"] in (name, f"{name}-two"):
            platform.call("DELETE", f"/pipelines/{found['id']}")


def test_create_add_promote_info_rename_and_destroy(
    cli: HerokuCli, platform: Platform, new_app: Callable[..., App], pipeline: str
) -> None:
    staging, production = (new_app(f"{pipeline}-{stage}") for stage in ("staging", "live"))
    staging.deploy(web("promoted"))
    created = cli.run("pipelines:create", pipeline, "--stage", "staging", app=staging.name)
    assert f"Creating {pipeline} pipeline... done" in created.text
    added = cli.run("pipelines:add", pipeline, "--stage", "production", app=production.name)
    assert f"Adding {production.name} to {pipeline} pipeline as production... done" in added.text
    assert pipeline in cli.run("pipelines").stdout
    info = cli.run("pipelines:info", pipeline).stdout
    assert f"=== {pipeline}" in info
    assert staging.name in info
    assert production.name in info
    assert f"{pipeline} - staging" in cli.run("info", app=staging.name).stdout
    promoted = cli.run("pipelines:promote", app=staging.name)
    assert "Promotion successful" in promoted.text
    wait_for("the promoted app", lambda: production.get().body.startswith("promoted"), 60)
    assert "development" in cli.run("pipelines:update", "--stage", "development", app=staging.name).text
    cli.run("pipelines:rename", pipeline, f"{pipeline}-two")
    removed = cli.run("pipelines:remove", app=production.name)
    assert f"Removing {production.name}" in removed.text
    assert production.call("GET", "/pipeline-couplings").status_code == 404
    destroyed = cli.run("pipelines:destroy", f"{pipeline}-two")
    assert f"Destroying {pipeline}-two pipeline... done" in destroyed.text
    assert staging.call("GET", "/pipeline-couplings").status_code == 404


def test_diff_finds_the_commits_that_it_would_compare_on_github(
    cli: HerokuCli, platform: Platform, new_app: Callable[..., App], pipeline: str
) -> None:
    staging, production = (new_app(f"{pipeline}-{stage}") for stage in ("staging", "live"))
    commits = {
        app.name: platform.git(app.deploy(web(app.name)), "rev-parse", "HEAD").stdout.strip()
        for app in (staging, production)
    }
    cli.run("pipelines:create", pipeline, "--stage", "staging", app=staging.name)
    assert "no downstream apps" in cli.refused("pipelines:diff", app=staging.name)
    cli.run("pipelines:add", pipeline, "--stage", "production", app=production.name)
    assert "does not seem to be connected to GitHub" in cli.refused("pipelines:diff", app=staging.name)
    # what it has read by then, with the requests that it makes
    coupling = staging.call("GET", "/pipeline-couplings", status=200).json()
    couplings = platform.call("GET", f"/pipelines/{coupling['pipeline']['id']}/pipeline-couplings", status=200).json()
    wanted = {"in": {"id": [each["app"]["id"] for each in couplings]}}
    found = {}
    for app in platform.call("POST", "/filters/apps", wanted, 200).json():
        releases = platform.call("GET", f"/apps/{app['id']}/releases", status=200).json()
        newest = max((each for each in releases if each["status"] == "succeeded"), key=lambda each: each["version"])
        slug = platform.call("GET", f"/apps/{app['id']}/slugs/{newest['slug']['id']}", status=200).json()
        found[app["name"]] = slug["commit"]
    assert found == commits


def test_a_pipeline_is_given_away_with_its_apps(
    cli: HerokuCli, guest: Person, guest_cli: HerokuCli, new_app: Callable[..., App], pipeline: str
) -> None:
    app = new_app(f"{pipeline}-given")
    cli.run("pipelines:create", pipeline, "--stage", "production", app=app.name)
    given = cli.run("pipelines:transfer", guest.email, "-p", pipeline, "--confirm", pipeline)
    assert f"Transferring {pipeline} pipeline to the {guest.email} account... done" in given.text
    assert app.call("GET").json()["owner"]["email"] == guest.email
    assert app.name in guest_cli.run("pipelines:info", pipeline).stdout


def test_promoting_what_has_no_release_is_refused(cli: HerokuCli, new_app: Callable[..., App], pipeline: str) -> None:
    app = new_app()
    assert "pipeline" in cli.refused("pipelines:promote", app=app.name).lower()
