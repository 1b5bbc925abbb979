"""Heroku's official CLI on this computer: where it is, what it needs, and the environment it runs in."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from hokku.toolbelt import git
from hokku.toolbelt.platforms import Platform, ToolbeltError

_GET_NODE = "Install Node.js 20 or newer (https://nodejs.org)"
_GET_CLI = "npm install -g heroku"
_OURS = b"hokku heroku"  # in a script: it calls us, so it is not the official one


def find() -> Path:
    """The CLI's program: HOKKU_HEROKU_CLI, or the first `heroku` on the PATH that does not call us.

    Raises ToolbeltError with how to get the CLI or node when either is missing.
    """
    named = os.environ.get("HOKKU_HEROKU_CLI")
    if named:
        found = shutil.which(named)
        if found is None:
            raise ToolbeltError(f"HOKKU_HEROKU_CLI names {named}, which is no program. Get the CLI with: {_GET_CLI}")
        program = Path(found)
    else:
        places = os.environ.get("PATH", os.defpath).split(os.pathsep)
        programs = (Path(found) for place in places if (found := shutil.which("heroku", path=place)))
        chosen = next((path for path in programs if not _calls_us(path)), None)
        if chosen is None:
            node = "" if shutil.which("node") else f" {_GET_NODE} first."
            raise ToolbeltError(f"Heroku's CLI is not on the PATH.{node} Get it with: {_GET_CLI}")
        program = chosen
    if b"node" in _first_line(program) and shutil.which("node") is None:
        raise ToolbeltError(f"{program} needs Node.js, which is not on the PATH. {_GET_NODE}.")
    return program


def _first_line(program: Path) -> bytes:
    with program.open("rb") as file:
        return file.readline(200)


def _calls_us(program: Path) -> bool:
    with program.open("rb") as file:
        return _OURS in file.read(4096)


def too_old(program: Path) -> str | None:
    """A sentence, if the node on the PATH is older than the CLI's package asks for."""
    for folder in program.resolve().parents[:3]:
        try:
            wanted = json.loads((folder / "package.json").read_text())["engines"]["node"]
            told = subprocess.run(["node", "--version"], text=True, capture_output=True, check=True).stdout.strip()
            least, has = (int(re.search(r"\d+", text)[0]) for text in (wanted, told))  # type: ignore[index]
        except (OSError, ValueError, KeyError, TypeError, subprocess.CalledProcessError):
            continue
        if has < least:
            return f"{program} needs Node.js {wanted}, and the one on the PATH is {told}. {_GET_NODE}."
        return None
    return None


@dataclass(frozen=True)
class Doors:
    """Where the listener serves what: base URLs, and the key that opens the first."""

    api: str  # http://127.0.0.1:PORT
    key: str  # stands for the token
    login: str  # the same API, where a login gets its token
    open: str  # what the CLI asks for without a token
    certificate: Path  # of the listener's terminals, and the CAs that are trusted besides


def is_login(words: list[str]) -> bool:
    """Whether the CLI is asked to log in."""
    return _about_auth(words, "login")


def is_logout(words: list[str]) -> bool:
    """Whether the CLI is asked to log out."""
    return _about_auth(words, "logout")


def _about_auth(words: list[str], what: str) -> bool:
    return words[:1] in ([what], [f"auth:{what}"]) or words[:2] == ["auth", what]


def environment(
    platform: Platform, words: list[str], doors: Doors, scratch: Path, outer: Mapping[str, str]
) -> dict[str, str]:
    """The CLI's environment for the command `words`. `scratch` is a folder of this run.

    Logins and logouts get a home of their own, so that no key of a run is left in a .netrc or a keychain.
    """
    made = {name: value for name, value in outer.items() if name not in ("HEROKU_API_TOKEN", "HEROKU_HEADERS")}
    made |= {
        "HEROKU_HOST": doors.api,
        "HEROKU_API_KEY": doors.key,
        "HEROKU_GIT_HOST": platform.host,
        "HEROKU_DATA_HOST": "127.0.0.1",
        "HEROKU_PARTICLEBOARD_URL": doors.api,
        "HEROKU_LOGIN_HOST": doors.login,
        "HEROKU_BUILDPACK_REGISTRY_URL": doors.open,
        "HEROKU_EXEC_URL": doors.open,
        "NODE_EXTRA_CA_CERTS": str(doors.certificate),
        "DISABLE_TELEMETRY": "true",
        "HEROKU_SKIP_ANALYTICS": "1",
        "HEROKU_DISABLE_AUTOUPDATE": "1",
        "HEROKU_SKIP_NEW_VERSION_CHECK": "true",
    }
    for name in ("NO_PROXY", "no_proxy"):
        made[name] = ",".join(filter(None, (outer.get(name), "127.0.0.1", "localhost")))
    if words[:1] in (["auth:token"], ["git:credentials"]) or words[:2] == ["auth", "token"]:
        made["HEROKU_API_KEY"] = platform.token or doors.key  # it is what the user asks for
    if is_login(words):
        del made["HEROKU_API_KEY"]  # with it the CLI refuses
        made["HEROKU_HOST"] = doors.login
    made |= _git_environment(platform, scratch, outer)
    if is_login(words) or is_logout(words):
        home = Path(outer.get("HOME") or Path.home())
        for name, place in (("XDG_CACHE_HOME", ".cache"), ("XDG_DATA_HOME", ".local/share")):
            made.setdefault(name, str(home / place))
        made |= {"HOME": str(scratch), "HEROKU_NETRC_WRITE": "true"}
    return made


def _git_environment(platform: Platform, scratch: Path, outer: Mapping[str, str]) -> dict[str, str]:
    """git's settings for this run. The CLI writes a credential helper of its own into the user's configuration, which
    would answer nothing outside of a run: it gets a file that goes away, and includes the user's.
    """
    home = Path(outer.get("HOME") or Path.home())
    config = Path(outer.get("XDG_CONFIG_HOME") or home / ".config")
    own = [Path(outer["GIT_CONFIG_GLOBAL"])] if outer.get("GIT_CONFIG_GLOBAL") else []
    included = own or [config / "git" / "config", home / ".gitconfig"]
    (scratch / "gitconfig").write_text("".join(f'[include]\n\tpath = "{_quoted(path)}"\n' for path in included))
    made = {"GIT_CONFIG_GLOBAL": str(scratch / "gitconfig")}
    count = int(outer.get("GIT_CONFIG_COUNT") or 0)
    for number, (key, value) in enumerate(git.settings(platform), count):
        made |= {f"GIT_CONFIG_KEY_{number}": key, f"GIT_CONFIG_VALUE_{number}": value}
        count = number + 1
    return made | {"GIT_CONFIG_COUNT": str(count)}


def _quoted(path: Path) -> str:
    return str(path).replace("\\", "\\\\").replace('"', '\\"')
