"""Apps: made, listed, renamed, switched, destroyed."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
from official_cli import HerokuCli
from platform_client import App, Platform, wait_for


@pytest.fixture
def name(platform: Platform) -> Iterator[str]:
    """A name for an app, which is destroyed after the test, under its later name too."""
    wanted = f"cli-{uuid.uuid4().hex[:8]}"
    yield wanted
    for left in (wanted, f"{wanted}-two"):
        platform.call("DELETE", f"/apps/{left}")


def test_create_info_rename_and_destroy(cli: HerokuCli, platform: Platform, name: str, tmp_path: Path) -> None:
    platform.git(tmp_path, "init", "-q")
    created = cli.run("create", name, cwd=tmp_path)
    assert f"Creating {name}... done" in created.text
    assert f"https://{platform.git_host}/{name}.git" in created.stdout
    remotes = platform.git(tmp_path, "remote", "-v").stdout
    assert f"heroku\thttps://{platform.git_host}/{name}.git (push)" in remotes
    assert platform.call("GET", f"/apps/{name}").json()["name"] == name

    assert name in cli.run("apps").stdout
    info = cli.run("info", cwd=tmp_path).stdout
    for wanted in (f"=== {name}", "Owner:", "admin@example.com", "Region:", "Stack:", f"/{name}.git", "Web URL:"):
        assert wanted in info
    told = json.loads(cli.run("info", "--json", app=name).stdout)
    assert told["app"]["name"] == name
    assert told["app"]["web_url"] in info

    renamed = cli.run("apps:rename", f"{name}-two", cwd=tmp_path)
    assert f"Renaming {name} to {name}-two... done" in renamed.text
    assert platform.call("GET", f"/apps/{name}").status_code == 404
    assert f"{name}-two.git" in platform.git(tmp_path, "remote", "-v").stdout

    refused = cli.refused("destroy", "--confirm", name, app=f"{name}-two")
    assert f"Confirmation {name} did not match {name}-two. Aborted." in refused
    assert platform.call("GET", f"/apps/{name}-two").status_code == 200
    destroyed = cli.run("destroy", "--confirm", f"{name}-two", app=f"{name}-two")
    assert f"Destroying {name}-two" in destroyed.text
    assert platform.call("GET", f"/apps/{name}-two").status_code == 404


def test_an_app_without_a_name_gets_one_and_one_that_exists_is_refused(cli: HerokuCli, platform: Platform) -> None:
    created = json.loads(cli.run("create", "--json", "--no-remote").stdout)
    try:
        assert f"Name {created['name']} is already taken" in cli.refused("create", created["name"], "--no-remote")
    finally:
        platform.call("DELETE", f"/apps/{created['name']}", status=200)


def test_a_missing_app_is_one_clear_sentence(cli: HerokuCli) -> None:
    assert "Couldn't find that app." in cli.refused("info", app="no-such-app-anywhere")


def test_open_asks_the_browser_for_the_apps_url(cli: HerokuCli, shop: App, tmp_path: Path) -> None:
    opened = tmp_path / "opened"
    for program in ("xdg-open", "sensible-browser", "x-www-browser"):
        script = cli.home / "bin" / program
        script.write_text(f'#!/bin/sh\nprintf "%s\\n" "$@" >> "{opened}"\n')
        script.chmod(0o755)
    ran = cli.run("open", "/a/page", app=shop.name, code=None)
    url = shop.call("GET").json()["web_url"] + "a/page"
    wait_for("the browser", lambda: url in (ran.text + (opened.read_text() if opened.exists() else "")), 10)


def test_maintenance_answers_h80_until_it_is_off(cli: HerokuCli, shop: App) -> None:
    assert cli.run("maintenance", app=shop.name).stdout.strip() == "off"
    assert "Enabling maintenance mode" in cli.run("maintenance:on", app=shop.name).text
    wait_for("H80", lambda: shop.get().status == 503)
    assert cli.run("maintenance", app=shop.name).stdout.strip() == "on"
    cli.run("maintenance:off", app=shop.name)
    wait_for("serving again", lambda: shop.get().status == 200)


def test_stacks_and_regions_are_listed_and_a_stack_is_set_for_the_next_build(cli: HerokuCli, fresh: App) -> None:
    stack = fresh.call("GET").json()["stack"]["name"]
    listed = cli.run("stack", app=fresh.name).stdout
    assert f"* {stack}" in listed
    other = next(s["name"] for s in fresh.call("GET", "/available-stacks").json() if s["name"] != stack)
    assert f"Setting stack to {other}... done" in cli.run("stack:set", other, app=fresh.name).text
    assert fresh.call("GET").json()["build_stack"]["name"] == other
    assert f"* {other}" in cli.run("stack", app=fresh.name).stdout
    assert "no-such-stack" in cli.refused("stack:set", "no-such-stack", app=fresh.name)
    region = fresh.call("GET").json()["region"]["name"]
    assert region in cli.run("regions").stdout
