"""git and the platform: its CA and a credential helper, so that plain `git push heroku main` works."""

from __future__ import annotations

import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TextIO

from hokku.toolbelt.platforms import Platform, ToolbeltError, stored


def settings(platform: Platform) -> list[tuple[str, str]]:
    """What git is told about the platform, in order. The empty helper keeps others from storing the token."""
    base = f"https://{platform.host}"
    found = [(f"credential.{base}.helper", ""), (f"credential.{base}.helper", f"!{_ourselves()} git-credentials")]
    if platform.ca_file is not None:
        found.append((f"http.{base}/.sslCAInfo", platform.ca_file))
    return found


def _ourselves() -> str:
    """How a shell calls this program: by name when the PATH leads here, else by path."""
    program = Path(sys.argv[0]).resolve()
    found = shutil.which("hokku")
    if program.name != "hokku":
        return "hokku" if found else f"{shlex.quote(sys.executable)} -m hokku.toolbelt"
    return "hokku" if found and Path(found).resolve() == program else shlex.quote(str(program))


def configure(platform: Platform) -> None:
    """Write the settings into the user's own git configuration; raises ToolbeltError when git cannot."""
    base = f"https://{platform.host}"
    for key in (f"credential.{base}.helper", f"http.{base}/.sslCAInfo"):
        _git("--unset-all", key, allowed=(0, 5))  # 5: it was not set
    for key, value in settings(platform):
        _git("--add", key, value)


def _git(*words: str, allowed: tuple[int, ...] = (0,)) -> None:
    try:
        done = subprocess.run(["git", "config", "--global", *words], text=True, capture_output=True, check=False)
    except FileNotFoundError:
        raise ToolbeltError("git is not installed: you are logged in, but cannot push. Install git.") from None
    if done.returncode not in allowed:
        reason = done.stderr.strip() or f"exit status {done.returncode}"
        raise ToolbeltError(f"git did not take its settings for the platform ({reason}). You are logged in.")


def credentials(words: list[str], asked: TextIO, answer: TextIO) -> int:
    """`hokku git-credentials get`: the token, for a platform's host over https and for nothing else."""
    if words != ["get"]:
        return 0  # store, erase: git tells what it learned, and we know better
    about = dict(line.rstrip("\n").partition("=")[::2] for line in asked if "=" in line)
    for platform in stored()[1].values():
        if platform.token and (about.get("protocol"), about.get("host")) == ("https", platform.host):
            answer.write(f"username=heroku\npassword={platform.token}\n")
    return 0
