"""What config vars may be, whoever sets them: the API, app.json or a buildpack. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping

from hokku.errors import InvalidParams

MOST = 64 * 1024  # bytes of all names and values of an app together (Heroku)
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


def checked(changes: Mapping[str, object]) -> dict[str, str | None]:
    """The changes with every value a string or None; raises InvalidParams for what no environment can hold."""
    made: dict[str, str | None] = {}
    for name, value in changes.items():
        if not _NAME.fullmatch(name) or len(name) > 256:
            raise InvalidParams(
                f"Config var name {name[:256]!r} is not valid: use letters, digits and underscores, "
                "and do not start with a digit."
            )
        if isinstance(value, bool):
            value = str(value).lower()
        elif isinstance(value, int | float):
            value = str(value)
        if value is not None and not isinstance(value, str):
            raise InvalidParams(f"The value of config var {name} must be a string, or null to remove it.")
        if value is not None and "\0" in value:
            raise InvalidParams(f"The value of config var {name} holds a NUL character, which no environment can hold.")
        made[name] = value
    return made


def bounded(config_vars: Mapping[str, str], of: str = "it") -> None:
    """Raises InvalidParams when they are too large together. `of`: whose they are."""
    size = sum(len(name.encode()) + len(value.encode()) for name, value in config_vars.items())
    if size > MOST:
        raise InvalidParams(f"The config vars of {of} would be larger than {MOST // 1024} KB together. Remove some.")
