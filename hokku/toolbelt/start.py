"""The entry point of `hokku`: `heroku` and `git-credentials` start at once, everything else through `hokku.cli`."""

from __future__ import annotations

import os
import sys

from hokku.errors import HokkuError


def main() -> None:
    """Run the command in sys.argv; a HokkuError becomes one line on stderr and exit status 1."""
    words = _without_platform(sys.argv[1:])
    if words[:1] not in (["heroku"], ["git-credentials"]):
        from hokku.cli import main as typed

        typed()
        return
    try:
        raise SystemExit(_run(words[0], words[1:]))
    except HokkuError as error:
        print(f" !    {error.message}", file=sys.stderr)
        raise SystemExit(1) from None


def _without_platform(words: list[str]) -> list[str]:
    """The words after a leading `--platform URL`, which is kept in the environment."""
    first, _, value = (words[0] if words else "").partition("=")
    if first != "--platform":
        return words
    if not value and len(words) > 1:
        value, words = words[1], words[1:]
    os.environ["HOKKU_PLATFORM"] = value
    return words[1:]


def _run(command: str, words: list[str]) -> int:
    if command == "heroku":
        from hokku.toolbelt.heroku import heroku

        return heroku(words)
    from hokku.toolbelt.git import credentials

    return credentials(words, sys.stdin, sys.stdout)
