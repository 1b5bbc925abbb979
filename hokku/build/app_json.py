"""app.json: what a new app wants to be set up with. Pure.

https://devcenter.heroku.com/articles/app-json-schema. Keys for other purposes (name, logo, environments, …) are
passed over; what is used is held to its type, and to bounds.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

LIMIT = 64 * 1024  # bytes
_MOST = 100  # entries of one list or object
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,200}")
_TYPE = re.compile(r"[A-Za-z0-9_-]{1,63}")


class BadAppJson(Exception):
    """One sentence that names the key, what stands there, and the remedy."""


@dataclass(frozen=True)
class Var:
    """A config var: its `value`, or None; `generated`: a secret is to be made; else it must be set when `required`."""

    value: str | None = field(default=None, repr=False)
    generated: bool = False
    required: bool = True


@dataclass(frozen=True)
class Scale:
    """How many dynos of a type, and of what size; None leaves what there is."""

    quantity: int | None = None
    size: str | None = None


@dataclass(frozen=True)
class AppJson:
    """What an app.json asks for."""

    env: Mapping[str, Var] = field(default_factory=dict)
    formation: Mapping[str, Scale] = field(default_factory=dict)
    buildpacks: tuple[str, ...] = ()
    addons: tuple[str, ...] = ()
    stack: str | None = None
    postdeploy: str | None = None


def parse(content: bytes) -> AppJson:
    """What stands in it; raises BadAppJson."""
    if len(content) > LIMIT:
        raise BadAppJson(f"app.json has more than {LIMIT // 1024} KiB: leave out what is not needed.")
    try:
        found = json.loads(content.decode("utf-8-sig"))
    except RecursionError:
        raise BadAppJson("app.json is nested too deeply: objects and lists have a few levels there.") from None
    except UnicodeDecodeError:
        raise BadAppJson("app.json is not UTF-8: save the file in that encoding.") from None
    except ValueError as error:
        raise BadAppJson(f"app.json is not JSON ({_shown(str(error))}): correct it there.") from None
    if not isinstance(found, dict):
        raise BadAppJson("app.json is not an object: it begins with { and ends with }.")
    scripts = _object(found, "scripts")
    return AppJson(
        env={name: _var(name, given) for name, given in _object(found, "env").items()},
        formation={kind: _scale(kind, given) for kind, given in _object(found, "formation").items()},
        buildpacks=tuple(_word(each, "buildpacks", "url") for each in _list(found, "buildpacks")),
        addons=tuple(_word(each, "addons", "plan") for each in _list(found, "addons")),
        stack=_text(found.get("stack"), "stack"),
        postdeploy=_command(scripts.get("postdeploy")),
    )


def _object(found: Mapping[str, Any], key: str) -> dict[str, Any]:
    value = found.get(key)
    if value is None:
        return {}
    if not isinstance(value, dict) or len(value) > _MOST:
        raise BadAppJson(f'"{key}" in app.json is not an object of at most {_MOST} entries.')
    return value


def _list(found: Mapping[str, Any], key: str) -> list[Any]:
    value = found.get(key)
    if value is None:
        return []
    if not isinstance(value, list) or len(value) > _MOST:
        raise BadAppJson(f'"{key}" in app.json is not a list of at most {_MOST} entries.')
    return value


def _text(value: object, key: str) -> str | None:
    if value is None:
        return None
    if not isinstance(value, str) or not value.strip() or len(value) > 1000 or not value.isprintable():
        raise BadAppJson(f'"{key}" in app.json is not a line of text.')
    return value.strip()


def _word(entry: object, key: str, name: str) -> str:
    """An entry that is a text, or an object with the text as `name`."""
    text = _text(entry.get(name) if isinstance(entry, dict) else entry, key)
    if text is None:
        raise BadAppJson(f'"{key}" in app.json has an entry without "{name}".')
    return text


def _command(value: object) -> str | None:
    if isinstance(value, dict):  # Heroku takes {"command": …, "size": …}, too
        value = value.get("command")
    if value is None:
        return None
    if not isinstance(value, str) or not value.strip() or "\0" in value or not _encodes(value):
        raise BadAppJson('"postdeploy" in app.json is not a command.')
    return value


def _var(name: str, given: object) -> Var:
    shown = _shown(name)
    if not _NAME.fullmatch(name):
        raise BadAppJson(f"app.json names a config var '{shown}': names are letters, digits and _.")
    if isinstance(given, dict):
        value, required = given.get("value"), given.get("required", True)
        generator = given.get("generator")
    else:
        value, required, generator = given, True, None
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        value = json.dumps(value)
    if value is not None and (not isinstance(value, str) or "\0" in value or not _encodes(value)):
        raise BadAppJson(f"The config var {shown} in app.json has a value that is no text: put it in quotes.")
    if not isinstance(required, bool):
        raise BadAppJson(f'"required" of the config var {shown} in app.json is not true or false.')
    if generator not in (None, "secret"):
        raise BadAppJson(f'The config var {shown} in app.json has a generator that is not there: there is "secret".')
    return Var(value, generator == "secret" and value is None, required)


def _scale(kind: str, given: object) -> Scale:
    shown = _shown(kind)
    if not _TYPE.fullmatch(kind) or not isinstance(given, dict):
        raise BadAppJson(f'The formation of \'{shown}\' in app.json is not like "web": {{"quantity": 1}}.')
    quantity = given.get("quantity")
    if quantity is not None and (
        isinstance(quantity, bool) or not isinstance(quantity, int) or not 0 <= quantity <= 100
    ):
        raise BadAppJson(f"The quantity of {shown} in app.json is not a number from 0 to 100.")
    return Scale(quantity, _text(given.get("size"), "size"))


def _encodes(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:  # half of a surrogate pair, as \ud800 in JSON
        return False
    return True


def _shown(text: str) -> str:
    return "".join(char if char.isprintable() else "?" for char in text[:80])
