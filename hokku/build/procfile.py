"""The Procfile: which process types an app has. Pure, and stricter than Heroku, which skips what is no declaration.

https://devcenter.heroku.com/articles/procfile#procfile-format
"""

from __future__ import annotations

import re
from collections.abc import Mapping

LIMIT = 64 * 1024  # bytes of a Procfile
MOST = 200  # process types: each has a row in the formation
_TYPE = re.compile(r"[A-Za-z0-9_-]{1,63}")
_LINE = re.compile(r"(?P<type>[^\s:]+)[ \t]*:[ \t]*(?P<command>.*)")
_EXAMPLE = "`web: python server.py`"


class BadProcfile(Exception):
    """One sentence that names the line, what stands there, and the remedy."""


def parse(content: bytes) -> dict[str, str]:
    """Process type → command, in the file's order. Blank lines and lines that begin with # are passed over.

    Raises BadProcfile.
    """
    if len(content) > LIMIT:
        raise BadProcfile(
            f"The Procfile has more than {LIMIT // 1024} KiB: keep the types that are run, and move long commands into "
            "scripts."
        )
    types: dict[str, str] = {}
    for number, line in enumerate(_text(content).split("\n"), start=1):
        line = line.strip()
        if not line or line.startswith("#"):
            continue
        kind, command = _declaration(number, line)
        if kind in types:
            raise BadProcfile(f"Procfile line {number}: the type {kind} stands there twice: remove one of them.")
        types[kind] = command
        if len(types) > MOST:
            raise BadProcfile(f"Procfile line {number}: that is more than {MOST} process types: remove some.")
    return types


def checked(types: Mapping[str, str]) -> dict[str, str]:
    """Process types that came another way than by a Procfile, held to the same rules; raises BadProcfile."""
    if len(types) > MOST:
        raise BadProcfile(f"there are {len(types)} process types: {MOST} are the most.")
    for kind, command in types.items():
        shown = "".join(char if char.isprintable() else "?" for char in kind[:80])
        if not _TYPE.fullmatch(kind):
            raise BadProcfile(f"the type '{shown}' is not 1 to 63 letters, digits, - or _.")
        if not command.strip() or "\0" in command or "\n" in command:
            raise BadProcfile(f"the type {kind} has no command, or one that is not one line.")
    return dict(types)


def _text(content: bytes) -> str:
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        number = content[: error.start].count(b"\n") + 1
        raise BadProcfile(f"Procfile line {number} is not UTF-8: save the file in that encoding.") from None
    return text


def _declaration(number: int, line: str) -> tuple[str, str]:
    shown = "".join(char if char.isprintable() else "?" for char in line[:80])
    found = _LINE.fullmatch(line)
    if found is None:
        raise BadProcfile(
            f"Procfile line {number}: '{shown}' is not TYPE: COMMAND. Write it like {_EXAMPLE}, or begin it with #."
        )
    if not _TYPE.fullmatch(found["type"]):
        raise BadProcfile(
            f"Procfile line {number}: '{shown}' has a type that is not 1 to 63 letters, digits, - or _: rename it."
        )
    if not found["command"]:
        raise BadProcfile(f"Procfile line {number}: '{shown}' has no command: write it like {_EXAMPLE}.")
    if "\0" in found["command"]:
        raise BadProcfile(f"Procfile line {number} has a NUL character: remove it.")
    return found["type"], found["command"]
