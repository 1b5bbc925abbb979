"""/apps/A/buildpack-installations: which buildpacks the next build uses; none means that they detect.

/buildpacks/N/NAME is what the CLI asks of a buildpack registry (HEROKU_BUILDPACK_REGISTRY_URL).
"""

from __future__ import annotations

import re

from fastapi import APIRouter
from pydantic import BaseModel

from hokku.api.access import AnyViewer, Opened, UsableApp
from hokku.api.shape import Json
from hokku.api.trail import leave
from hokku.build.buildpacks import UnknownBuildpack, chosen, known
from hokku.errors import InvalidParams, NotFound
from hokku.store.tables import App

router = APIRouter()
_REGISTRY = re.compile(r"https://buildpack-registry\.s3\.amazonaws\.com/buildpacks/(heroku/[\w-]+)\.tgz")


class Installation(BaseModel):
    buildpack: str


class Installations(BaseModel):
    updates: list[Installation]


def check(name: str) -> str:
    """The full name (heroku/python) of a buildpack this platform has; raises InvalidParams that names those it has."""
    registered = _REGISTRY.fullmatch(name)
    try:
        return f"heroku/{chosen([registered[1] if registered else name])[0]}"
    except UnknownBuildpack as unknown:
        raise InvalidParams(str(unknown)) from None


def shape(name: str) -> Json:
    """A buildpack as Heroku shows one of its registry."""
    return {"url": f"urn:buildpack:{name}", "name": name}


def _shapes(app: App) -> list[Json]:
    return [{"ordinal": n, "buildpack": shape(name)} for n, name in enumerate(app.buildpacks)]


@router.get("/apps/{app}/buildpack-installations")
def index(app: UsableApp) -> list[Json]:
    """The buildpacks in the order they run."""
    return _shapes(app)


@router.put("/apps/{app}/buildpack-installations")
def update(app: UsableApp, wanted: Installations, opened: Opened, viewer: AnyViewer) -> list[Json]:
    """Choose the buildpacks of the next build."""
    app.buildpacks = [check(update.buildpack) for update in wanted.updates]
    leave(opened, viewer, "buildpacks.update", app, buildpacks=app.buildpacks)
    return _shapes(app)


@router.get("/buildpacks/{namespace}/{name}")
def registered(namespace: str, name: str) -> Json:
    """A buildpack of this platform, as a registry tells it; needs no token, and holds nothing but its name."""
    if namespace != "heroku" or name not in known():
        raise NotFound(f"Couldn't find the buildpack {namespace}/{name}.", "buildpack")
    return {"name": f"{namespace}/{name}", "blob_url": f"urn:buildpack:{namespace}/{name}"}
