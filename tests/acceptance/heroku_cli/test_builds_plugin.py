"""Buildpacks, and builds of the plugin heroku-builds."""

from __future__ import annotations

from pathlib import Path

import pytest
from official_cli import HerokuCli
from platform_client import App, wait_for
from sources import web

URL = "https://example.org/packs/haiku.git"


def test_buildpacks_by_name_and_by_url(cli: HerokuCli, fresh: App) -> None:
    def chosen() -> list[str]:
        return [row["buildpack"]["name"] for row in fresh.call("GET", "/buildpack-installations").json()]

    cli.run("buildpacks:set", "heroku/python", app=fresh.name)
    assert chosen() == ["heroku/python"]
    told = cli.run("buildpacks:add", "--index", "1", URL, app=fresh.name)
    assert "push" in told.text
    assert chosen() == [URL, "heroku/python"]
    shown = cli.run("buildpacks", app=fresh.name).stdout
    assert f"1. {URL}" in shown
    assert "2. heroku/python" in shown
    cli.run("buildpacks:remove", URL, app=fresh.name)
    assert chosen() == ["heroku/python"]
    cli.run("buildpacks:clear", app=fresh.name)
    assert chosen() == []
    assert "has no Buildpack" in cli.run("buildpacks", app=fresh.name).text
    cli.refused("buildpacks:set", "heroku/no-such-pack", app=fresh.name)
    assert chosen() == []


@pytest.fixture
def with_plugin(cli: HerokuCli) -> HerokuCli:
    """The CLI with heroku-builds, which v11 does not take: it is a plugin of the old kind."""
    if cli.version == "v11":
        said = cli.refused("plugins:link", str(Path(cli.environment["HEROKU_BUILDS"])))
        assert "plugin is invalid" in said
        pytest.skip("v11 refuses the plugin itself")
    return cli


def test_a_tarball_is_built_and_released(with_plugin: HerokuCli, fresh: App) -> None:
    source = fresh.repository(web("built"))
    built = with_plugin.run("builds:create", app=fresh.name, cwd=source, seconds=300)
    assert "Released v3" in built.text
    wait_for("the built app", lambda: fresh.get().body.startswith("built"), 60)
    build = fresh.call("GET", "/builds").json()[0]
    assert build["id"] in with_plugin.run("builds", app=fresh.name).stdout
    assert build["id"] in with_plugin.run("builds:info", build["id"], app=fresh.name).text
    assert "-----> Python app detected" in with_plugin.run("builds:output", build["id"], app=fresh.name).text
