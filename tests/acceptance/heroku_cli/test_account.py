"""Who am I: login, logout, tokens."""

from __future__ import annotations

from pathlib import Path

import pytest
from official_cli import HerokuCli, Person
from platform_client import Platform


@pytest.fixture
def nobody(cli: HerokuCli, tmp_path: Path) -> HerokuCli:
    """The CLI of somebody who has not logged in."""
    return cli.of(tmp_path / "home", HEROKU_API_KEY=None)


def answers(platform: Platform, token: str) -> int:
    """What /account answers to `token`."""
    return platform.http.get("/account", headers={"Authorization": f"Bearer {token}"}).status_code


def test_login_at_a_terminal_whoami_token_and_logout(nobody: HerokuCli, platform: Platform, guest: Person) -> None:
    netrc = nobody.home / ".netrc"
    with nobody.terminal("login", "-i") as terminal:
        terminal.expect("Email")
        terminal.send(guest.email + "\r")
        terminal.expect("Password")
        terminal.send_secret(guest.password)
        terminal.expect(f"Logged in as {guest.email}")
        assert terminal.wait() == 0
        assert guest.password not in terminal.shown
    assert netrc.stat().st_mode & 0o077 == 0
    assert nobody.run("whoami").stdout.strip() == guest.email
    token = nobody.run("auth:token").stdout.strip()
    assert answers(platform, token) == 200
    nobody.run("logout")
    assert answers(platform, token) == 401
    refused = nobody.run("whoami", code=None)
    assert refused.code != 0
    assert "not logged in" in refused.text or "Invalid credentials provided." in refused.text


def test_a_wrong_password_is_told_and_logs_nobody_in(nobody: HerokuCli, guest: Person) -> None:
    with nobody.terminal("login", "-i") as terminal:
        terminal.expect("Email")
        terminal.send(guest.email + "\r")
        terminal.expect("Password")
        terminal.send_secret("not the password")
        terminal.expect("Invalid credentials")
        assert terminal.wait() != 0
    assert not (nobody.home / ".netrc").exists() or "password" not in (nobody.home / ".netrc").read_text()


def test_whoami_and_token_by_the_environment(cli: HerokuCli, platform: Platform) -> None:
    assert cli.run("whoami").stdout.strip() == "admin@example.com"
    assert cli.run("auth:token").stdout.strip() == platform.token
