"""Features and labs of an app."""

from __future__ import annotations

from official_cli import HerokuCli
from platform_client import App


def test_labs_are_listed_told_of_and_switched(cli: HerokuCli, shop: App) -> None:
    def enabled() -> bool:
        return shop.call("GET", "/features/runtime-dyno-metadata").json()["enabled"]

    assert "[+] runtime-dyno-metadata" in cli.run("labs", app=shop.name).stdout
    assert "Dynos find app" in cli.run("labs:info", "runtime-dyno-metadata", app=shop.name).text
    cli.run("labs:disable", "runtime-dyno-metadata", app=shop.name)
    assert not enabled()
    assert "[ ] runtime-dyno-metadata" in cli.run("labs", app=shop.name).stdout
    cli.run("labs:enable", "runtime-dyno-metadata", app=shop.name)
    assert enabled()


def test_features_are_listed_and_one_that_is_not_there_is_refused(cli: HerokuCli, shop: App) -> None:
    assert "[+] preboot" in cli.run("features", app=shop.name).stdout
    assert (
        "Preboot" in cli.run("features:info", "preboot", app=shop.name).text
        or "old web dynos" in cli.run("features:info", "preboot", app=shop.name).text
    )
    assert "Couldn't find that app feature" in cli.refused("features:enable", "teleport", app=shop.name)


def test_preboot_stays_on(cli: HerokuCli, shop: App) -> None:
    cli.refused("features:disable", "preboot", app=shop.name)
    assert shop.call("GET", "/features/preboot").json()["enabled"]
