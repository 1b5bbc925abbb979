"""What this platform does not have: lists are empty, and making one says why not."""

from __future__ import annotations

from official_cli import HerokuCli
from platform_client import App

NO_PROVIDER = "No add-on provider is there on this platform yet."


def test_addons_are_none_and_creating_one_says_that_no_provider_is_there(cli: HerokuCli, shop: App) -> None:
    assert "No add-ons for app" in cli.run("addons", app=shop.name).text
    assert NO_PROVIDER in cli.refused("addons:create", "heroku-postgresql:essential-0", app=shop.name)
    assert NO_PROVIDER in cli.refused("addons:info", "postgresql-round-12345", app=shop.name)


def test_databases_are_none(cli: HerokuCli, shop: App) -> None:
    assert "has no heroku-postgresql databases" in cli.run("pg:info", app=shop.name).text
    assert "has no databases" in cli.refused("pg:psql", app=shop.name)
    cli.run("redis:info", app=shop.name)


def test_lists_of_what_is_not_there_are_empty(cli: HerokuCli) -> None:
    assert "No OAuth clients" in cli.run("clients").text
    cli.run("teams")
    assert "do not have access to any spaces" in cli.run("spaces", code=None).text


def test_wrong_words_are_told(cli: HerokuCli, shop: App) -> None:
    assert "is not a heroku command" in cli.run("frogs", stdin="n\n", code=None).text
    assert "Must specify KEY and VALUE to set." in cli.refused("config:set", app=shop.name)
