"""/apps/A/config-vars. Values are told to whoever may use the app, and never written to a log or an event."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter

from hokku import release as cut
from hokku.api import answers
from hokku.api.access import AnyViewer, Opened, OwnedApp, UsableApp
from hokku.api.trail import leave
from hokku.errors import NotFound
from hokku.release import config_vars as rules
from hokku.store import configs, releases

router = APIRouter()


@router.get("/apps/{app}/config-vars")
def info(app: UsableApp, opened: Opened) -> answers.ConfigVars:
    """The config vars of the newest release that did not fail."""
    base = releases.newest(opened, app.id)
    return configs.read_id(opened, base.config_id) if base else {}


@router.patch("/apps/{app}/config-vars")
def update(app: OwnedApp, changes: dict[str, Any], opened: Opened, viewer: AnyViewer) -> answers.ConfigVars:
    """Set and (with null) remove config vars, which makes a new release if anything is different; answers with all."""
    checked = rules.checked(changes)
    after = cut.configure(opened, app, checked, viewer.account.id)
    rules.bounded(after, app.name)
    leave(opened, viewer, "config.update", app, names=sorted(checked))
    return after


@router.get("/apps/{app}/releases/{release}/config-vars")
def info_of_release(app: UsableApp, release: str, opened: Opened) -> answers.ConfigVars:
    """The config vars of one release."""
    found = releases.by_identity(opened, app.id, release)
    if found is None:
        raise NotFound("Couldn't find that release.", "release")
    return configs.read_id(opened, found.config_id)
