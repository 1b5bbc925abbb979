"""Config vars: set, read, edited, taken away, whatever is in them."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
from official_cli import HerokuCli
from platform_client import App, wait_for

ODD = "a 'b' \"c\" $(id) `id` %s\\n 古池や\nsecond line\ttab"


@pytest.fixture
def names(shop: App) -> Iterator[tuple[str, str]]:
    """Two names for config vars, which are taken away after the test."""
    yield "FROG", "POND"
    shop.call("PATCH", "/config-vars", {"FROG": None, "POND": None, "BIG": None}, 200)


def stored(app: App) -> dict[str, str]:
    return app.call("GET", "/config-vars", status=200).json()


def test_set_get_list_and_unset_reach_the_dynos(cli: HerokuCli, shop: App, names: tuple[str, str]) -> None:
    before = shop.release()["version"]
    told = cli.run("config:set", "FROG=jumps in", f"POND={ODD}", app=shop.name)
    assert f"v{before + 1}" in told.text
    assert (stored(shop)["FROG"], stored(shop)["POND"]) == ("jumps in", ODD)
    assert cli.run("config:get", "FROG", app=shop.name).stdout == "jumps in\n"
    assert cli.run("config:get", "POND", app=shop.name).stdout.rstrip("\n") == ODD
    listed = cli.run("config", app=shop.name).stdout
    assert "FROG:" in listed
    assert "jumps in" in listed
    assert json.loads(cli.run("config", "--json", app=shop.name).stdout)["POND"] == ODD
    assert "FROG='jumps in'" in cli.run("config", "--shell", app=shop.name).stdout
    wait_for("the dyno's environment", lambda: f"POND={ODD}" in shop.get("/env").body)

    told = cli.run("config:unset", "FROG", "POND", app=shop.name)
    assert f"v{before + 2}" in told.text
    assert not {"FROG", "POND"} & stored(shop).keys()
    wait_for("the dyno's environment", lambda: "POND=" not in shop.get("/env").body)
    described = [r["description"] for r in shop.call("GET", "/releases").json()]
    assert "Set FROG, POND config vars" in described
    assert "Remove FROG, POND config vars" in described


def test_edit_opens_the_editor_and_keeps_what_it_wrote(cli: HerokuCli, fresh: App) -> None:
    fresh.call("PATCH", "/config-vars", {"FROG": "sits", "GONE": "x"}, 200)
    editor = cli.home / "bin" / "editor-of-the-test"
    editor.write_text('#!/bin/sh\nsed -i -e \'/GONE/d\' -e s/sits/jumps/ "$1"\necho \'NEW="a pond"\' >> "$1"\n')
    editor.chmod(0o755)
    editing = cli.having(EDITOR=str(editor), VISUAL=str(editor))
    with editing.terminal("config:edit", app=fresh.name) as terminal:
        terminal.expect(r"with these values\?")
        terminal.send("y\r")
        assert terminal.wait() == 0, terminal.shown
    assert stored(fresh) == {"FROG": "jumps", "NEW": "a pond"}
    editor.write_text('#!/bin/sh\nsed -i s/jumps/swims/ "$1"\n')
    with editing.terminal("config:edit", "FROG", app=fresh.name) as terminal:
        terminal.expect(r"with these values\?")
        terminal.send("y\r")
        assert terminal.wait() == 0, terminal.shown
    assert stored(fresh) == {"FROG": "swims", "NEW": "a pond"}


def test_values_up_to_64_kb_are_kept_and_more_is_refused(cli: HerokuCli, fresh: App) -> None:
    big = "x" * 60_000
    cli.run("config:set", f"BIG={big}", app=fresh.name)
    assert cli.run("config:get", "BIG", app=fresh.name).stdout.strip() == big
    refused = cli.refused("config:set", f"MORE={'y' * 10_000}", app=fresh.name)
    assert "64" in refused
    assert stored(fresh) == {"BIG": big}


@pytest.mark.parametrize("pair", ["=x", "A B=1", "1A=x"])
def test_a_name_that_no_shell_takes_is_refused(cli: HerokuCli, fresh: App, pair: str) -> None:
    cli.refused("config:set", pair, app=fresh.name)
    assert stored(fresh) == {}
