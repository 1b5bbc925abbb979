"""Running programs: argument lists only, and a failure that says what was run and what it answered."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping, Sequence

from lab import settings


class LabError(Exception):
    """Something the person at the keyboard has to know; its text is the one sentence that is printed."""


class CommandFailed(LabError):
    """A program ended with another status than 0."""

    def __init__(self, argv: Sequence[str], status: int, output: str) -> None:
        lines = [line for line in output.strip().splitlines() if line.strip()]
        tail = "\n  ".join(lines[-8:]) or "(it printed nothing)"
        super().__init__(f"`{' '.join(argv)}` ended with status {status}:\n  {tail}")
        self.status = status
        self.output = output


def lxd_environment() -> dict[str, str]:
    """The environment in which LXD's programs speak to the lab's daemon and to no other."""
    return {**os.environ, "LXD_DIR": str(settings.LXD_DIR), "LXD_CONF": str(settings.CLIENT_DIR)}


def run(
    argv: Sequence[str],
    *,
    feed: str | None = None,
    env: Mapping[str, str] | None = None,
    check: bool = True,
    timeout: float = 600,
) -> str:
    """Run argv and give its standard output.

    `timeout` is in seconds. Raises CommandFailed on another status than 0 (unless check is off) and LabError when the
    program is missing or does not end in time.
    """
    try:
        done = subprocess.run(
            list(argv), input=feed, env=env, capture_output=True, text=True, timeout=timeout, check=False
        )
    except FileNotFoundError as missing:
        raise LabError(f"The program {argv[0]} is missing: `make venv` installs what the lab needs.") from missing
    except subprocess.TimeoutExpired as late:
        raise LabError(f"`{' '.join(argv)}` did not end within {timeout:.0f} s.") from late
    if check and done.returncode != 0:
        raise CommandFailed(argv, done.returncode, done.stderr + done.stdout)
    return done.stdout


def succeeds(argv: Sequence[str], *, env: Mapping[str, str] | None = None, timeout: float = 60) -> bool:
    """Whether argv ends with status 0 within timeout seconds."""
    try:
        run(argv, env=env, timeout=timeout)
    except LabError:
        return False
    return True


def lxc(*arguments: str, feed: str | None = None, check: bool = True, timeout: float = 600) -> str:
    """Run the lxc client against the lab's daemon and give its standard output."""
    return run(["lxc", *arguments], feed=feed, env=lxd_environment(), check=check, timeout=timeout)
