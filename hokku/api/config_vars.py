"""/apps/A/config-vars. Values are told to whoever may use the app, and never written to a log or an event."""

from __future__ import annotations

import re
from typing import Any

from fastapi import APIRouter

from hokku import release as cut
from hokku.api import answers
from hokku.api.access import AnyViewer, Opened, OwnedApp, UsableApp
from hokku.api.trail import leave
from hokku.errors import InvalidParams, NotFound
from hokku.store import configs, releases

router = APIRouter()
MOST = 64 * 1024  # bytes of all names and values of an app together (Heroku)
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


def check(changes: dict[str, Any]) -> dict[str, str | None]:
    """The changes with every value a string or None; raises InvalidParams for what no environment can hold."""
    checked: dict[str, str | None] = {}
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
        checked[name] = value
    return checked


@router.get("/apps/{app}/config-vars")
def info(app: UsableApp, opened: Opened) -> answers.ConfigVars:
    """The config vars of the newest release that did not fail."""
    base = releases.newest(opened, app.id)
    return configs.read_id(opened, base.config_id) if base else {}


@router.patch("/apps/{app}/config-vars")
def update(app: OwnedApp, changes: dict[str, Any], opened: Opened, viewer: AnyViewer) -> answers.ConfigVars:
    """Set and (with null) remove config vars, which makes a new release if anything is different; answers with all."""
    checked = check(changes)
    after = cut.configure(opened, app, checked, viewer.account.id)
    if sum(len(name.encode()) + len(value.encode()) for name, value in after.items()) > MOST:
        raise InvalidParams(
            f"The config vars of {app.name} would be larger than {MOST // 1024} KB together. Remove some."
        )
    leave(opened, viewer, "config.update", app, names=sorted(checked))
    return after


@router.get("/apps/{app}/releases/{release}/config-vars")
def info_of_release(app: UsableApp, release: str, opened: Opened) -> answers.ConfigVars:
    """The config vars of one release."""
    found = releases.by_identity(opened, app.id, release)
    if found is None:
        raise NotFound("Couldn't find that release.", "release")
    return configs.read_id(opened, found.config_id)
