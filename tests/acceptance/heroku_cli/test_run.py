"""One-off dynos and terminals: run, its exit code and input, run:detached, run:inside."""

from __future__ import annotations

import re
import uuid

from official_cli import SLEEPS, HerokuCli, Terminal
from platform_client import App, wait_for


def gone(app: App) -> None:
    """Wait until no one-off dyno of the app is left."""
    wait_for("no one-off dyno", lambda: not app.dynos("run"), 60)


def test_run_shows_the_output_and_the_apps_environment(cli: HerokuCli, shop: App) -> None:
    ran = cli.run("run", "echo $DYNO in $HEROKU_APP_NAME; ls", app=shop.name, stdin="")
    assert re.search(rf"run\.\d+ in {shop.name}", ran.stdout), str(ran)
    assert "server.py" in ran.stdout
    gone(shop)


def test_run_x_hands_the_exit_code_on(cli: HerokuCli, shop: App) -> None:
    ran = cli.run("run", "-x", "exit 7", app=shop.name, code=None)
    assert ran.code == 7, str(ran)
    cli.run("run", "--exit-code", "true", app=shop.name)
    wait_for("the exit in the log", lambda: any("Process exited with status 7" in line for line in shop.logs(200)), 30)


def test_what_is_piped_in_reaches_the_command(cli: HerokuCli, shop: App) -> None:
    text = "an old silent pond\na frog jumps\n古池や\n"
    ran = cli.run("run", "--no-tty", "-x", "cat > /tmp/in; wc -l < /tmp/in; cat /tmp/in", app=shop.name, stdin=text)
    assert re.search(r"^\s*3\s*$", ran.stdout, re.MULTILINE), str(ran)
    assert "古池や" in ran.stdout


def test_a_terminal_has_colours_its_size_and_an_interrupt(cli: HerokuCli, shop: App) -> None:
    with cli.terminal("run", "bash", app=shop.name, rows=33, columns=99) as terminal:
        terminal.expect(r"[$#] $", seconds=90)
        terminal.send("stty size; tty; echo TERM=$TERM; printf '\\033[31mred\\033[0m\\n'\r")
        terminal.expect(r"33 99\r")
        terminal.expect(r"/dev/(pts/\d+|console)")
        terminal.expect(r"TERM=xterm-256color\r")
        terminal.expect(r"red\r")
        assert "\x1b[31mred\x1b[0m" in terminal.shown
        terminal.send(f"{SLEEPS}; echo slept=$?\r")
        terminal.expect(r"asleep\r")
        terminal.send("\x03")
        terminal.expect(r"\^C")
        terminal.expect(r"[$#] $")
        terminal.send("exit 5\r")
        assert terminal.wait() == 0, terminal.shown
    gone(shop)


def test_an_exit_code_comes_through_a_terminal(cli: HerokuCli, shop: App) -> None:
    with cli.terminal("run", "-x", "tty; exit 6", app=shop.name) as terminal:
        terminal.expect(r"/dev/(pts/\d+|console)", seconds=90)
        assert terminal.wait() == 6, terminal.shown
    assert "heroku-command-exit-status" not in terminal.shown


def test_what_is_piped_in_reaches_a_command_whose_output_is_a_terminals(cli: HerokuCli, shop: App) -> None:
    piped = [
        "sh",
        "-c",
        f"printf 'jumps in\\n' | '{cli.home / 'bin' / 'heroku'}' run -x -a {shop.name} "
        "'read line; echo the frog $line; cat; exit 3'",
    ]
    terminal = Terminal.start(piped, cli.home, cli.environment, 30, 100)
    try:
        terminal.expect("the frog jumps in", seconds=90)
        assert terminal.wait() == 3, terminal.shown
    finally:
        terminal.end()
    gone(shop)


def test_size_type_and_environment_are_the_dynos(cli: HerokuCli, shop: App) -> None:
    with cli.terminal(
        "run",
        "-s",
        "Standard-2X",
        "--type",
        "worker",
        "-e",
        "FROG=jumps;POND=old",
        "echo $FROG $POND; cat",
        app=shop.name,
    ) as terminal:
        terminal.expect("jumps old", seconds=90)
        dyno = wait_for("the dyno", lambda: [d for d in shop.dynos("worker") if d["command"].startswith("echo")], 10)
        assert (dyno[0]["size"], dyno[0]["state"]) == ("Standard-2X", "up")
        terminal.send("\x04")
        assert terminal.wait() == 0, terminal.shown
    wait_for("no such dyno", lambda: not shop.dynos("worker"), 60)


def test_a_terminal_that_is_left_ends_its_dyno(cli: HerokuCli, shop: App) -> None:
    with cli.terminal("run", "sleep 600", app=shop.name):
        wait_for("a dyno that is up", lambda: [d for d in shop.dynos("run") if d["state"] == "up"], 90)
        assert "run" in cli.run("ps", app=shop.name).stdout
    gone(shop)


def test_run_detached_runs_in_the_background_and_logs(cli: HerokuCli, shop: App) -> None:
    word = f"detached-{uuid.uuid4().hex[:6]}"
    ran = cli.run("run:detached", f"echo {word}", app=shop.name)
    dyno = re.search(r"run\.\d+", ran.text)
    assert dyno, str(ran)
    wait_for("its line", lambda: any(f"app[{dyno[0]}]: {word}" in line for line in shop.logs(200)), 60)
    gone(shop)


def test_run_inside_enters_a_dyno_that_runs(cli: HerokuCli, shop: App) -> None:
    ran = cli.run(
        "run:inside",
        "-x",
        "web.1",
        "echo $DYNO; cat /proc/[0-9]*/cmdline | tr '\\0' ' '; exit 4",
        app=shop.name,
        code=None,
    )
    assert ran.code == 4, str(ran)
    assert "web.1" in ran.stdout
    assert "server.py" in ran.stdout
    assert shop.get().status == 200


def test_run_inside_is_a_terminal_with_colours_its_size_and_an_interrupt(cli: HerokuCli, shop: App) -> None:
    with cli.terminal("run:inside", "web.1", "bash", app=shop.name, rows=31, columns=97) as terminal:
        terminal.expect(r"[$#] $", seconds=60)
        terminal.send("stty size; tty; echo TERM=$TERM in $DYNO; printf '\\033[32mgreen\\033[0m\\n'\r")
        terminal.expect(r"31 97\r")
        terminal.expect(r"/dev/(pts/\d+|console)")
        terminal.expect(r"TERM=xterm-256color in web\.1\r")
        terminal.expect(r"green\r")
        assert "\x1b[32mgreen\x1b[0m" in terminal.shown
        terminal.expect(r"[$#] $")
        terminal.send(f"{SLEEPS}; echo slept=$?\r")
        terminal.expect(r"asleep\r")
        terminal.send("\x03")
        terminal.expect(r"[$#] $")
        terminal.send("exit\r")
        assert terminal.wait() == 0, terminal.shown
    assert "slept=0" not in terminal.shown
    assert shop.get().status == 200


def test_a_dyno_that_is_not_there_and_a_size_that_is_not(cli: HerokuCli, shop: App) -> None:
    cli.refused("run", "--size", "enormous", "true", app=shop.name)
    cli.refused("run:inside", "web.99", "true", app=shop.name)
    assert not shop.dynos("run")
