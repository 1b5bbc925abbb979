"""Pipelines: an app's slug goes from staging to production."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator

import pytest
from official_cli import HerokuCli
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


def test_promoting_what_has_no_release_is_refused(cli: HerokuCli, new_app: Callable[..., App], pipeline: str) -> None:
    app = new_app()
    assert "pipeline" in cli.refused("pipelines:promote", app=app.name).lower()
