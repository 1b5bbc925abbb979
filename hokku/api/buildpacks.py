"""/apps/A/buildpack-installations: which buildpacks the next build uses; none means that they detect.

A URL with a password in it is shown to those who may see the app's config vars, because the CLI sends the whole list
back to change it; it is stored encrypted, and stands in no event, log or output.
"""

from __future__ import annotations

from collections.abc import Iterable

from fastapi import APIRouter
from pydantic import BaseModel

from hokku.api import answers
from hokku.api.access import AnyViewer, Opened, OwnedApp, UsableApp
from hokku.api.ranges import Ranged
from hokku.api.trail import leave
from hokku.build.buildpacks import MOST, BadBuildpack, chosen, shown
from hokku.errors import InvalidParams
from hokku.store.sealed import seal, unseal
from hokku.store.tables import App

router = APIRouter()


class Installation(BaseModel):
    buildpack: str


class Installations(BaseModel):
    updates: list[Installation]


def check(names: Iterable[str]) -> list[str]:
    """What to store of these buildpacks, each heroku/NAME or a URL; raises InvalidParams with what there is."""
    names = list(names)
    if len(names) > MOST:
        raise InvalidParams(f"{len(names)} buildpacks are too many: an app has at most {MOST}.")
    try:
        packs = chosen(names)
    except BadBuildpack as bad:
        raise InvalidParams(str(bad)) from None
    for pack in packs:
        if [each.name for each in packs].count(pack.name) > 1:
            raise InvalidParams(f"The buildpack {pack.shown} is named twice: an app has each once.")
    return [pack.name if pack.shown == pack.name else seal(pack.name) for pack in packs]


def shape(stored: str) -> answers.BuildpackRef:
    """A buildpack as Heroku shows it: one of its registry, or a URL."""
    name = unseal(stored)
    return {"url": name if "://" in name else f"urn:buildpack:{name}", "name": name}


def _shapes(app: App) -> list[answers.BuildpackInstallation]:
    return [{"ordinal": n, "buildpack": shape(stored)} for n, stored in enumerate(app.buildpacks)]


@router.get("/apps/{app}/buildpack-installations")
def index(app: UsableApp, ranged: Ranged) -> list[answers.BuildpackInstallation]:
    """The buildpacks in the order they run."""
    return ranged(_shapes(app), "ordinal")


@router.put("/apps/{app}/buildpack-installations")
def update(
    app: OwnedApp, wanted: Installations, opened: Opened, viewer: AnyViewer
) -> list[answers.BuildpackInstallation]:
    """Choose the buildpacks of the next build."""
    app.buildpacks = check(update.buildpack for update in wanted.updates)
    names = [shown(unseal(stored)) for stored in app.buildpacks]
    leave(opened, viewer, "buildpacks.update", app, "Buildpacks updated", buildpacks=names)
    return _shapes(app)
