"""`hokku login` and `hokku heroku` against the lab, whose CA no computer knows: as on a user's own computer."""

from __future__ import annotations

import re
import subprocess
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
from lab_fixtures import lab_environment, watched
from official_cli import NODE, SLEEPS, Terminal, plain
from platform_client import LAB_STATE, ROOT, App, Platform
from sources import web

CLI = ROOT / ".cache" / "heroku_cli" / "v11" / "node_modules" / ".bin" / "heroku"
PROGRAMS = ROOT / ".venv" / "bin"


class Computer:
    """A user's: a home, `hokku`, node and the official CLI, and nothing of the lab's environment."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.environment = {
            "HOME": str(home), "PATH": f"{PROGRAMS}:{NODE.parent}:/usr/local/bin:/usr/bin:/bin", "LANG": "C.UTF-8",
            "TERM": "xterm-256color", "HOKKU_HEROKU_CLI": str(CLI), "GIT_TERMINAL_PROMPT": "0",
        }  # fmt: skip

    def run(self, *argv: str, stdin: str = "", cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            argv, env=self.environment, cwd=cwd or self.home, input=stdin, text=True, capture_output=True, check=False,
            timeout=180,
        )  # fmt: skip

    def heroku(self, *words: str, stdin: str = "", cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
        return self.run("hokku", "heroku", *words, stdin=stdin, cwd=cwd)


@pytest.fixture(scope="module")
def computer(platform: Platform, tmp_path_factory: pytest.TempPathFactory) -> Computer:
    """One that is logged in to the lab."""
    made = Computer(tmp_path_factory.mktemp("computer"))
    email = platform.call("GET", "/account", status=200).json()["email"]
    password = (LAB_STATE / "secrets" / "admin_password").read_text().strip()
    ca = lab_environment()["HOKKU_CA"]
    said = made.run("hokku", "login", platform.api_url, "--email", email, "--ca-file", ca, stdin=password + "\n")
    assert said.returncode == 0, said.stderr
    return made


@pytest.fixture(scope="module")
def shop(platform: Platform, computer: Computer) -> Iterator[App]:
    """An app that the CLI made and plain git pushed."""
    app = App(platform, f"belt-{uuid.uuid4().hex[:6]}")
    with watched(app):
        repository = app.repository(web("shop"))
        made = computer.heroku("create", app.name, cwd=repository)
        assert made.returncode == 0, made.stderr
        pushed = computer.run("git", "push", "heroku", "HEAD:main", cwd=repository)
        assert pushed.returncode == 0, pushed.stderr
        assert "deployed to" in pushed.stderr
        yield app
    app.destroy()


def test_a_command_runs_in_a_terminal_of_the_users(computer: Computer, shop: App) -> None:
    """Its size, ^C for what runs in it, and its end."""
    words = [str(PROGRAMS / "hokku"), "heroku", "run", "-a", shop.name, "bash"]
    terminal = Terminal.start(words, computer.home, computer.environment, 33, 101)
    try:
        terminal.expect(r"\$ ", 120)
        terminal.send("stty size; echo $((6*7))\r")
        terminal.expect(r"33 101\s+42", 30)
        terminal.send(f"{SLEEPS}\r")
        terminal.expect("asleep\r", 30)
        terminal.send("\x03")
        terminal.send("echo still $((40+2))\r")
        terminal.expect("still 42", 30)
        terminal.send("exit\r")
        assert terminal.wait(60) == 0
    finally:
        terminal.end()


def test_what_is_piped_in_comes_back_with_the_commands_exit_status(computer: Computer, shop: App) -> None:
    said = computer.heroku("run", "-a", shop.name, "--no-tty", "-x", "--", "cat; exit 7", stdin="piped in\n")
    assert (said.returncode, "piped in" in said.stdout) == (7, True), said.stdout + said.stderr


def test_lines_are_followed_and_the_run_leaves_nothing(computer: Computer, shop: App, platform: Platform) -> None:
    words = [str(PROGRAMS / "hokku"), "heroku", "logs", "--tail", "-a", shop.name]
    terminal = Terminal.start(words, computer.home, computer.environment, 30, 200)
    try:
        terminal.expect("shop is listening", 60)
        assert platform.get(f"{shop.name}.{platform.apps_domain}", "/print/a-line-of-now").status == 200
        terminal.expect(r"app\[web\.1\]: a-line-of-now", 30)
        terminal.send("\x03")
        assert terminal.wait(30) in (130, -2)
    finally:
        terminal.end()
    assert "HOKKU-run-" not in "".join(path.read_text(errors="replace") for path in computer.home.rglob("*.*rc"))
    kept = (computer.home / ".gitconfig").read_text()
    assert re.findall(r"helper = (.*)", kept) == ["", "!hokku git-credentials"]


def test_the_lists_of_the_cli_are_what_the_platform_has(computer: Computer, shop: App) -> None:
    assert shop.name in plain(computer.heroku("apps").stdout)
    scaled = computer.heroku("ps:scale", "web=2", "-a", shop.name)
    assert "web at 2" in plain(scaled.stderr), scaled.stderr
    shop.wait_dynos("web", 2)
    assert computer.heroku("auth:token").stdout.startswith("HOKKU-")
