"""Releases: listed, looked into, taken back."""

from __future__ import annotations

import json

from official_cli import HerokuCli
from platform_client import App, wait_for
from sources import web


def test_list_info_and_rollback(cli: HerokuCli, shop: App) -> None:
    old = shop.release()["version"]
    shop.call("PATCH", "/config-vars", {"SEASON": "autumn"}, 200)
    wait_for("the new release", lambda: shop.release()["version"] == old + 1)
    listed = cli.run("releases", app=shop.name).stdout
    assert f"=== {shop.name} Releases - Current: v{old + 1}" in listed
    assert f"v{old + 1}" in listed
    assert "Set SEASON config vars" in listed
    assert "admin@example.com" in listed
    assert [r["version"] for r in json.loads(cli.run("releases", "-n", "2", "--json", app=shop.name).stdout)] == [
        old + 1,
        old,
    ]
    info = cli.run("releases:info", f"v{old + 1}", app=shop.name).stdout
    assert f"=== Release v{old + 1}" in info
    assert "Set SEASON config vars" in info
    assert "SEASON" in info
    assert f"v{old + 1}" in cli.run("releases:info", app=shop.name).stdout

    rolled = cli.run("rollback", f"v{old}", app=shop.name).text
    assert f"Rolling back {shop.name} to v{old}... done, v{old + 2}" in rolled
    wait_for("the release of the rollback", lambda: shop.release()["version"] == old + 2)
    assert shop.release()["description"] == f"Rollback to v{old}"
    assert "SEASON" not in shop.call("GET", "/config-vars").json()
    wait_for("the dyno's environment", lambda: "SEASON=" not in shop.get("/env").body)
    cli.run("rollback", app=shop.name)
    wait_for("SEASON again", lambda: shop.call("GET", "/config-vars").json().get("SEASON") == "autumn")
    cli.run("config:unset", "SEASON", app=shop.name)


def test_a_release_that_is_not_there_is_refused(cli: HerokuCli, shop: App) -> None:
    before = len(shop.call("GET", "/releases").json())
    assert "Couldn't find that release." in cli.refused("rollback", "v999", app=shop.name)
    assert "Couldn't find that release." in cli.refused("releases:info", "v999", app=shop.name)
    assert len(shop.call("GET", "/releases").json()) == before


def test_the_release_phase_is_shown_by_output_and_tried_again(cli: HerokuCli, fresh: App) -> None:
    repository = fresh.repository(
        web("phased", Procfile="web: python server.py\nrelease: sh -c 'echo migrating $ANSWER; exit ${FAIL:-0}'\n")
    )
    pushed = fresh.push(repository)
    assert pushed.accepted, pushed.output
    output = cli.run("releases:output", app=fresh.name).stdout
    assert "migrating" in output
    fresh.call("PATCH", "/config-vars", {"FAIL": "3", "ANSWER": "42"}, 200)
    failed = wait_for(
        "the failed release",
        lambda: next((r for r in fresh.call("GET", "/releases").json() if r["status"] == "failed"), None),
        90,
    )
    assert "migrating 42" in cli.run("releases:output", f"v{failed['version']}", app=fresh.name).stdout
    assert "release command failed" in cli.run("releases", app=fresh.name).stdout
    assert fresh.get().status == 200
    assert fresh.release()["version"] == failed["version"] - 1
    if cli.version == "v8":  # it has no releases:retry
        return
    assert "migrating 42" in cli.run("releases:retry", app=fresh.name).text
    wait_for(
        "the release that was tried again",
        lambda: fresh.call("GET", f"/releases/{failed['version'] + 1}").json().get("status") == "failed",
        90,
    )
