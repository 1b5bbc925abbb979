"""`hokku login`, `logout`, `whoami`."""

from __future__ import annotations

import getpass
import re
import socket
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

from hokku.toolbelt import git, platforms
from hokku.toolbelt.api import ask, trust
from hokku.toolbelt.platforms import Platform, ToolbeltError

_LASTS = 365 * 24 * 3600  # seconds that a token of `hokku login` is good for (Heroku: a year)


def login(url: str, email: str | None = None, ca_file: Path | None = None) -> Platform:
    """Make sure that a Hokku answers at `url`, get a token with email and password, and store both for the CLI and git.

    What is missing is asked on the terminal; a password may stand on the first line of stdin instead.
    """
    url = platforms.address(url)
    before = platforms.stored()[1].get(url)
    given = str(ca_file.expanduser().resolve()) if ca_file else before.ca_file if before else None
    platform = Platform(url, ca_file=given)
    check(platform)
    if email is None:
        if not sys.stdin.isatty():
            raise ToolbeltError("Say who logs in: --email you@example.com (the password is then read from stdin).")
        known = before.email if before else None
        email = input(f"Email [{known}]: " if known else "Email: ").strip() or known or ""
    password = getpass.getpass("Password: ") if sys.stdin.isatty() else sys.stdin.readline().rstrip("\n")
    platform = replace(platform, email=email)
    platform = replace(platform, token=_token(platform, password))
    if ca_file:
        kept = platforms.folder() / f"ca-{re.sub('[^A-Za-z0-9.-]', '_', platform.host)}.crt"
        platforms.write_private(kept, Path(given).read_text())
        platform = replace(platform, ca_file=str(kept))
    platforms.keep(platform)
    git.configure(platform)
    return platform


def check(platform: Platform) -> None:
    """Raise ToolbeltError unless a Hokku answers there, with a certificate that is trusted."""
    trust(platform.ca_file)
    status, answer = ask(platform, "GET", "/health")
    if not isinstance(answer, dict) or answer.get("platform") != "hokku":
        raise ToolbeltError(f"{platform.url} answers, but it is not a Hokku platform's API. Check the address.")
    if status != 200:
        raise ToolbeltError(f"{platform.url} is a Hokku platform, but its database does not answer. Try again later.")


def _token(platform: Platform, password: str) -> str:
    """A new token of the account."""
    body = {"description": f"hokku login from {socket.gethostname()}", "expires_in": _LASTS, "scope": ["global"]}
    status, answer = ask(platform, "POST", "/oauth/authorizations", body, password=password)
    if status == 401:
        raise ToolbeltError(f"Email or password is wrong for {platform.url}. Try again, or ask the platform's admin.")
    if status != 201:
        raise ToolbeltError(_said(answer) or f"{platform.url} gave no token (status {status}). Try again later.")
    return answer["access_token"]["token"]


def logout() -> Platform:
    """Take the token back at the platform, and forget it here; the latter also when the platform does not answer."""
    platform = platforms.logged_in()
    platforms.forget_token(platform)
    status, answer = ask(platform, "DELETE", "/oauth/authorizations/~")
    if status not in (200, 401, 404):
        reason = _said(answer) or f"status {status}"
        raise ToolbeltError(f"You are logged out here, but {platform.url} did not take the token back: {reason}")
    return platform


def whoami() -> str:
    """The email of the account at the chosen platform."""
    platform = platforms.logged_in()
    status, answer = ask(platform, "GET", "/account")
    if status == 401:
        raise ToolbeltError(f"Your login has ended. Log in again: hokku login {platform.url}")
    if status != 200 or not isinstance(answer, dict):
        raise ToolbeltError(_said(answer) or f"{platform.url} does not tell (status {status}). Try again later.")
    return answer["email"]


def _said(answer: Any) -> str | None:
    return answer.get("message") if isinstance(answer, dict) else None
