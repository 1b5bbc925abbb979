"""The log: its last lines, filtered, and as they come."""

from __future__ import annotations

import re
import uuid

from machines import on
from official_cli import HerokuCli, plain
from platform_client import App, wait_for

LINE = re.compile(r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}\+00:00 [a-z]+\[[\w.-]+\]: ")


def say(app: App) -> str:
    """Let the app print a word of its own; gives it once it stands in the log."""
    word = f"said-{uuid.uuid4().hex[:8]}"
    app.get(f"/print/{word}")
    wait_for(word, lambda: any(f"app[web.1]: {word}" in line for line in app.logs(200)), 30)
    return word


def test_last_lines_as_many_as_asked_for(cli: HerokuCli, shop: App) -> None:
    word = say(shop)
    shown = cli.run("logs", app=shop.name).stdout.splitlines()
    assert all(LINE.match(line) for line in shown), shown
    assert any(word in line for line in shown)
    assert len(cli.run("logs", "-n", "3", app=shop.name).stdout.splitlines()) == 3


def test_lines_of_one_dyno_one_type_and_one_source(cli: HerokuCli, shop: App) -> None:
    word = say(shop)
    flag = "--dyno-name" if cli.version == "v11" else "--dyno"
    by_dyno = cli.run("logs", flag, "web.1", "-n", "50", app=shop.name).stdout
    assert word in by_dyno
    assert {line.split()[1] for line in by_dyno.splitlines()} <= {"app[web.1]:", "heroku[web.1]:"}
    router = cli.run("logs", flag, "router", "-n", "50", app=shop.name).stdout
    assert f'path="/print/{word}"' in router
    assert {line.split()[1] for line in router.splitlines()} == {"heroku[router]:"}
    if cli.version == "v11":
        by_type = cli.run("logs", "--process-type", "web", "-n", "50", app=shop.name).stdout
        assert word in by_type
        assert "router" not in by_type
    by_source = cli.run("logs", "--source", "app", "-n", "50", app=shop.name).stdout
    assert word in by_source
    assert "heroku[" not in by_source


def test_ps_is_dyno_and_filters_hold_together(cli: HerokuCli, shop: App) -> None:
    word = say(shop)
    assert word in cli.run("logs", "--ps", "web.1", "-n", "50", app=shop.name).stdout
    by_type = cli.run("logs", "--ps", "web", "-n", "50", app=shop.name).stdout
    assert word in by_type
    assert not [line for line in by_type.splitlines() if not re.match(r"(app|heroku)\[web\.\d+\]:", line.split()[1])]
    both = cli.run("logs", "--dyno", "web.1", "--source", "heroku", "-n", "50", app=shop.name).stdout
    assert {line.split()[1] for line in both.splitlines()} == {"heroku[web.1]:"}
    assert "State changed from starting to up" in both
    platforms = cli.run("logs", "-s", "heroku", "-n", "100", app=shop.name).stdout
    assert f'path="/print/{word}"' in platforms
    assert not [line for line in platforms.splitlines() if " heroku[" not in line]


def test_a_tail_shows_lines_as_they_come_each_once(cli: HerokuCli, shop: App) -> None:
    before = say(shop)
    with cli.terminal("logs", "--tail", app=shop.name) as terminal:
        terminal.expect(before)
        for _ in range(3):
            word = say(shop)
            terminal.expect(rf"app\[web\.1\]: {word}", seconds=20)
        terminal.send("\x03")
        terminal.wait()
    assert plain(terminal.shown).count(f"app[web.1]: {word}") == 1


def test_a_tail_that_breaks_off_goes_on_after_the_last_line_it_had(cli: HerokuCli, shop: App) -> None:
    words = [say(shop)]
    with cli.terminal("logs", "--tail", app=shop.name) as terminal:
        terminal.expect(words[0])
        on("control1", "systemctl", "restart", "hokku-logplex.service")
        words += [say(shop) for _ in range(3)]
        for word in words[1:]:
            terminal.expect(rf"app\[web\.1\]: {word}", seconds=30)
        terminal.send("\x03")
        terminal.wait()
    shown = plain(terminal.shown)
    assert [shown.count(f"app[web.1]: {word}") for word in words] == [1, 1, 1, 1]
