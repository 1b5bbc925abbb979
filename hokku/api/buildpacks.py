"""/apps/A/buildpack-installations: which buildpacks the next build uses; none means that they detect."""

from __future__ import annotations

from fastapi import APIRouter
from pydantic import BaseModel

from hokku.api.access import AnyViewer, Opened, UsableApp
from hokku.api.shape import Json
from hokku.api.trail import leave
from hokku.errors import InvalidParams
from hokku.store.tables import App

router = APIRouter(prefix="/apps/{app}/buildpack-installations")
_KNOWN = {"python": "heroku/python"}
_URLS = {"https://buildpack-registry.s3.amazonaws.com/buildpacks/heroku/python.tgz": "heroku/python"}


class Installation(BaseModel):
    buildpack: str


class Installations(BaseModel):
    updates: list[Installation]


def check(name: str) -> str:
    """The full name of a buildpack this platform has; raises InvalidParams that names those it has."""
    known = {*_KNOWN.values()}
    found = _KNOWN.get(name) or _URLS.get(name) or name.removeprefix("urn:buildpack:")
    if found not in known:
        raise InvalidParams(f"Buildpack {name} is not there. This platform has: {', '.join(sorted(known))}.")
    return found


def _shape(app: App) -> list[Json]:
    return [{"ordinal": n, "buildpack": {"url": name, "name": name}} for n, name in enumerate(app.buildpacks)]


@router.get("")
def index(app: UsableApp) -> list[Json]:
    """The buildpacks in the order they run."""
    return _shape(app)


@router.put("")
def update(app: UsableApp, wanted: Installations, opened: Opened, viewer: AnyViewer) -> list[Json]:
    """Choose the buildpacks of the next build."""
    app.buildpacks = [check(update.buildpack) for update in wanted.updates]
    leave(opened, viewer, "buildpacks.update", app, buildpacks=app.buildpacks)
    return _shape(app)
