"""/apps/A/releases: what was released, and releasing a slug or an older release again."""

from __future__ import annotations

import re
import uuid
from typing import Any

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel
from sqlalchemy.orm import Session

from hokku import release as cut
from hokku.api import answers
from hokku.api.access import AnyViewer, Opened, OwnedApp, UsableApp
from hokku.api.ranges import page
from hokku.api.release_output import url_of
from hokku.api.shape import app_ref, stamps, user_ref
from hokku.api.trail import leave
from hokku.errors import InvalidParams, NotFound
from hokku.store import phases, releases
from hokku.store.tables import Account, App, Release, Slug

router = APIRouter()
_RETRY = re.compile(r"Retry of v(\d{1,9}): ")


class Create(BaseModel):
    slug: str | None = None
    release: str | int | None = None
    description: str | None = None


def shape(
    opened: Session,
    app: App,
    row: Release,
    current: Release | None,
    has_phase: bool | None = None,
    eligible: bool | None = None,
) -> answers.Release:
    """A release as Heroku shows it.

    `has_phase`, `eligible`: whether it has a release phase and can be rolled back to, if that is known already.
    """
    if has_phase is None:
        has_phase = bool(phases.among(opened, [row.id]))
    if eligible is None:
        eligible = bool(releases.eligible(opened, [row]))
    return stamps(row) | {
        "addon_plan_names": [],
        "app": app_ref(app),
        "artifacts": [{"type": "slug", "id": str(row.slug_id)}] if row.slug_id else [],
        "current": current is not None and row.id == current.id,
        "description": row.description,
        "eligible_for_rollback": eligible,
        "output_stream_url": url_of(row.id) if has_phase else None,
        "slug": {"id": str(row.slug_id)} if row.slug_id else None,
        "status": row.status.value,
        "user": user_ref(opened.get(Account, row.account_id) if row.account_id else None),
        "version": row.version,
    }


@router.get("/apps/{app}/releases")
def index(app: UsableApp, request: Request, response: Response, opened: Opened) -> list[answers.Release]:
    """The app's releases, oldest first unless the Range says otherwise."""
    query = releases.of_app(app.id)
    columns: dict[str, Any] = {"version": Release.version, "id": Release.id, "created_at": Release.created_at}
    current = releases.current(opened, app.id)
    rows = page(opened, request, response, query, columns)
    with_phase = phases.among(opened, [row.id for row in rows])
    eligible = releases.eligible(opened, rows)
    return [shape(opened, app, row, current, row.id in with_phase, row.id in eligible) for row in rows]


@router.get("/apps/{app}/releases/{release}")
def info(app: UsableApp, release: str, opened: Opened) -> answers.Release:
    """One release, by id or version."""
    return shape(opened, app, _find(opened, app, release), releases.current(opened, app.id))


@router.post("/apps/{app}/releases", status_code=201)
def create(app: OwnedApp, wanted: Create, opened: Opened, viewer: AnyViewer) -> answers.Release:
    """Release a slug of the app, or with `release` roll back to one of its releases."""
    if (wanted.slug is None) == (wanted.release is None):
        raise InvalidParams("Give either `slug` (deploy it) or `release` (roll back to it).")
    if wanted.release is not None:
        made = cut.rollback(opened, app, _find(opened, app, str(wanted.release)), viewer.account.id)
        leave(opened, viewer, "release.rollback", app, version=made.version, to=str(wanted.release))
    else:
        slug = find_slug(opened, app, wanted.slug)
        retried = _retried(opened, app, slug, wanted.description or "")
        made = cut.deploy(opened, app, slug, viewer.account.id, wanted.description, retried)
        leave(opened, viewer, "release.create", app, version=made.version, slug=str(made.slug_id))
    return shape(opened, app, made, releases.current(opened, app.id))


def _retried(opened: Session, app: App, slug: Slug, description: str) -> Release | None:
    """The release that is tried again: `heroku releases:retry` says it in the description, and nowhere else."""
    said = _RETRY.match(description)
    found = releases.by_identity(opened, app.id, said[1]) if said else None
    return found if found is not None and found.slug_id == slug.id else None


def find_slug(opened: Session, app: App, identity: str) -> Slug:
    """The app's slug with this id; raises NotFound, for another app's slug too."""
    try:
        slug = opened.get(Slug, uuid.UUID(identity))
    except ValueError:
        slug = None
    if slug is None or slug.app_id != app.id:
        raise NotFound("Couldn't find that slug.", "slug")
    return slug


def _find(opened: Session, app: App, identity: str) -> Release:
    found = releases.by_identity(opened, app.id, identity)
    if found is None:
        raise NotFound("Couldn't find that release.", "release")
    return found
