"""/apps/A/builds: from an uploaded source to a slug and its release. The builder does it; here it begins and ends."""

from __future__ import annotations

import uuid
from typing import Any

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel
from sqlalchemy.orm import Session

from hokku.api import answers, buildpacks
from hokku.api.access import AnyViewer, Opened, UsableApp
from hokku.api.build_output import url_of
from hokku.api.ranges import page
from hokku.api.shape import stamps, user_ref
from hokku.api.sources import find_by_url
from hokku.api.trail import leave
from hokku.build import cache
from hokku.errors import InvalidParams, NotFound
from hokku.settings import settings
from hokku.store import builds, checksum, oneoffs, phases, slugs
from hokku.store.engine import BUILD, WANTED, notify
from hokku.store.tables import Account, App, Build, BuildStatus

router = APIRouter()
LEFT = "X-Hokku-Push-Left"  # a header: the client of the push went away
_LEFT = ": its git push ended (Ctrl-C, or the connection was lost)"


class SourceBlob(BaseModel):
    url: str
    version: str | None = None
    version_description: str | None = None
    checksum: str | None = None
    content: str | None = None


class Buildpack(BaseModel):
    url: str | None = None
    name: str | None = None


class Create(BaseModel):
    """`release` is Hokku's own: without it there is a slug at the end, and no release.

    So is `content` of the source: what stands for it, such as the id of its tree. Sources with the same are the same.
    """

    source_blob: SourceBlob
    buildpacks: list[Buildpack] | None = None
    release: bool = True


def shape(opened: Session, app: App, build: Build) -> answers.Build:
    """A build as Heroku shows it. The source's URL is told without its secret."""
    source = f"{settings().public_url}/sources/{build.source_id}" if build.source_id else settings().public_url
    return stamps(build) | {
        "app": {"id": str(app.id)},
        "buildpacks": [buildpacks.shape(stored) for stored in build.buildpacks],
        "generation": "cedar",
        "output_stream_url": url_of(build.id),
        "release": {"id": str(build.release_id)} if build.release_id else None,
        "slug": {"id": str(build.slug_id)} if build.slug_id else None,
        "source_blob": {
            "checksum": build.checksum,
            "url": source,
            "version": build.commit,
            "version_description": build.version_description,
        },
        "stack": build.stack,
        "status": build.status.value,
        "user": user_ref(opened.get(Account, build.account_id) if build.account_id else None),
    }


@router.post("/apps/{app}/builds", status_code=201)
def create(app: UsableApp, wanted: Create, opened: Opened, viewer: AnyViewer) -> answers.Build:
    """Ask for a build of an uploaded source."""
    source = find_by_url(opened, wanted.source_blob.url)
    version = wanted.source_blob.version
    if version is not None and (len(version) > 200 or not version.isprintable()):
        raise InvalidParams("source_blob.version must be printable and at most 200 characters, such as a commit's id.")
    description = wanted.source_blob.version_description
    if description is not None and (len(description) > 2000 or "\0" in description):
        raise InvalidParams("source_blob.version_description must be at most 2000 characters, without NUL.")
    content = wanted.source_blob.content
    if content is not None and (len(content) > 200 or not content.isprintable()):
        raise InvalidParams("source_blob.content must be printable and at most 200 characters, such as a tree's id.")
    if not wanted.release:
        slugs.must_have_room(opened, app)
    chosen = buildpacks.check(pack.url or pack.name or "" for pack in wanted.buildpacks or ()) or list(app.buildpacks)
    build = Build(
        app_id=app.id,
        account_id=viewer.account.id,
        source_id=source.id,
        commit=version,
        version_description=description,
        checksum=check_sum(wanted.source_blob.checksum, "source_blob.checksum"),
        content=content or None,
        stack=app.stack,
        buildpacks=chosen,
        to_release=wanted.release,
    )
    opened.add(build)
    opened.flush()
    leave(opened, viewer, "build.create", app, "Build started", build=str(build.id), version=version)
    notify(opened, BUILD, build.id)
    return shape(opened, app, build)


def check_sum(given: str | None, name: str) -> str | None:
    """The checksum as it is kept; raises InvalidParams that names the parameter."""
    if not given:
        return None
    kept = checksum.normal(given)
    if kept is None:
        raise InvalidParams(f"{name} must be SHA256: and 64 hexadecimal digits, as in SHA256:{'0' * 8}….")
    return kept


@router.delete("/apps/{app}/builds/{build}")
def cancel(app: UsableApp, build: str, request: Request, opened: Opened, viewer: AnyViewer) -> answers.Build:
    """End a build before its release is rolled out: its container goes, or its release command is stopped."""
    found = builds.lock(opened, _find(opened, app, build).id)
    left = LEFT in request.headers  # the push's own hook asks, and a release that is made stays then
    if found.status is not BuildStatus.PENDING:
        raise InvalidParams(f"Only a pending build can be cancelled; this one has {found.status.value}.")
    sentence = f"The build was cancelled by {viewer.account.email}{_LEFT if left else ''}."
    if found.release_id is not None and left:
        raise InvalidParams("The build made its release, which goes on without its push.")
    if found.release_id is not None:
        phase = phases.cancel(opened, found.release_id, sentence)
        if phase is None:
            raise InvalidParams("The build made its release, which cannot be cancelled. `heroku rollback` undoes it.")
        if phase.oneoff_id is not None:
            oneoffs.request_stop(opened, [phase.oneoff_id])
            notify(opened, WANTED, app.id)
        leave(opened, viewer, "build.cancel", app, "Build cancelled", build=str(found.id))
    elif found.slug_id is not None:
        raise InvalidParams(f"The build made its slug {found.slug_id}, and is over in a moment.")
    elif found.cancelled is None:
        builds.cancel(opened, found, sentence)
        leave(opened, viewer, "build.cancel", app, "Build cancelled", build=str(found.id))
    return shape(opened, app, found)


@router.delete("/apps/{app}/build-cache")
def purge_cache(app: UsableApp, opened: Opened, viewer: AnyViewer) -> answers.Nothing:
    """Forget what the buildpacks kept from earlier builds, and what slugs were made from."""
    cache.forget(app.id)
    slugs.forget_made_from(opened, app.id)
    leave(opened, viewer, "build-cache.delete", app, "Build cache purged")
    return {}


@router.get("/apps/{app}/builds")
def index(app: UsableApp, request: Request, response: Response, opened: Opened) -> list[answers.Build]:
    """The app's builds."""
    query = builds.of_app(app.id)
    columns: dict[str, Any] = {"created_at": Build.created_at, "id": Build.id}
    return [shape(opened, app, build) for build in page(opened, request, response, query, columns)]


@router.get("/apps/{app}/builds/{build}")
def info(app: UsableApp, build: str, opened: Opened) -> answers.Build:
    """One build."""
    return shape(opened, app, _find(opened, app, build))


@router.get("/apps/{app}/builds/{build}/timings")
def timings(app: UsableApp, build: str, opened: Opened) -> answers.BuildTimings:
    """Seconds by phase of the push: receive, build, pack, release, place, boot, routed (Hokku's own endpoint)."""
    found = _find(opened, app, build)
    return {"timings": found.timings, "error": found.error}


@router.get("/apps/{app}/builds/{build}/result")
def result(app: UsableApp, build: str, opened: Opened) -> answers.BuildResult:
    """The build with all its output so far."""
    found = _find(opened, app, build)
    _, text = builds.output_after(opened, found.id)
    lines = [{"line": line, "stream": "STDOUT"} for line in text.splitlines(keepends=True)]
    exit_code = {"pending": None, "succeeded": 0, "failed": 1}[found.status.value]
    return {
        "build": {"id": str(found.id), "status": found.status.value, "output_stream_url": url_of(found.id)},
        "exit_code": exit_code,
        "lines": lines,
    }


def _find(opened: Session, app: App, identity: str) -> Build:
    try:
        build = opened.get(Build, uuid.UUID(identity))
    except ValueError:
        build = None
    if build is None or build.app_id != app.id:
        raise NotFound("Couldn't find that build.", "build")
    return build
