"""/apps: create, list, show, rename, put under maintenance, delete."""

from __future__ import annotations

import uuid
from collections.abc import Iterable

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel
from sqlalchemy import Select, select
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from hokku import release
from hokku.api import app_names
from hokku.api.access import AnyViewer, FullViewer, Opened, OwnedApp, Right, UsableApp, may
from hokku.api.ranges import page
from hokku.api.shape import Json, at, named, stamps, user_ref
from hokku.api.stacks import check as check_stack
from hokku.api.trail import leave
from hokku.errors import Forbidden, InvalidParams, NotFound
from hokku.settings import settings
from hokku.store import apps
from hokku.store.engine import WANTED, notify
from hokku.store.tables import Account, App, Release, ReleaseStatus, Slug

router = APIRouter()
_COLUMNS = {"name": App.name, "id": App.id, "updated_at": App.updated_at}


class Create(BaseModel):
    name: str | None = None
    stack: str | None = None
    region: str | None = None
    team: str | None = None
    space: str | None = None


class Change(BaseModel):
    name: str | None = None
    maintenance: bool | None = None
    build_stack: str | None = None


def shapes(opened: Session, rows: Iterable[App]) -> list[Json]:
    """Apps as Heroku shows them: two queries, however many they are."""
    listed = list(rows)
    owners = {
        row.id: row for row in opened.scalars(select(Account).where(Account.id.in_({app.owner_id for app in listed})))
    }
    slugs = _slugs(opened, [app.id for app in listed])
    return [_shape(app, owners[app.owner_id], slugs.get(app.id)) for app in listed]


def _slugs(opened: Session, app_ids: list[uuid.UUID]) -> dict[uuid.UUID, Slug]:
    newest = (
        select(Release.app_id, Release.slug_id)
        .ext(distinct_on(Release.app_id))
        .where(Release.app_id.in_(app_ids), Release.status == ReleaseStatus.SUCCEEDED)
        .order_by(Release.app_id, Release.version.desc())
        .subquery()
    )
    found = opened.execute(select(newest.c.app_id, Slug).join(Slug, Slug.id == newest.c.slug_id))
    return {app_id: slug for app_id, slug in found}


def _shape(app: App, owner: Account, slug: Slug | None) -> Json:
    return stamps(app) | {
        "acm": False,
        "archived_at": at(app.archived_at),
        "build_stack": named("stack", app.stack),
        "buildpack_provided_description": slug.buildpack if slug else None,
        "generation": named("generation", "cedar"),
        "git_url": f"{settings().public_url}/{app.name}.git",
        "internal_routing": None,
        "maintenance": app.maintenance,
        "name": app.name,
        "organization": None,
        "owner": user_ref(owner),
        "region": named("region", settings().region),
        "released_at": at(app.released_at),
        "repo_size": None,
        "slug_size": slug.size if slug else None,
        "space": None,
        "stack": named("stack", slug.stack if slug else app.stack),
        "team": None,
        "web_url": settings().apps_url.replace("{app}", app.name),
    }


def shape(opened: Session, app: App) -> Json:
    """One app as Heroku shows it."""
    return shapes(opened, [app])[0]


@router.post("/apps", status_code=201)
def create(opened: Opened, viewer: FullViewer, wanted: Create | None = None) -> Json:
    """A new app with releases v1 and v2, owned by the viewer."""
    wanted = wanted or Create()
    if wanted.team or wanted.space:
        raise InvalidParams("Teams and spaces are not there yet. Create the app without them.")
    if wanted.region not in (None, settings().region, named("region", settings().region)["id"]):
        raise InvalidParams(f"Region {wanted.region} is not known. This platform has one region: {settings().region}.")
    name = app_names.check(wanted.name) if wanted.name is not None else _free_name(opened)
    stack = check_stack(wanted.stack) if wanted.stack else settings().default_stack
    app = App(name=name, owner_id=viewer.account.id, stack=stack)
    _take_name(opened, app, name)
    release.first(opened, app, viewer.account.id)
    leave(opened, viewer, "app.create", app, name=name)
    return shape(opened, app)


@router.get("/apps")
def index(request: Request, response: Response, opened: Opened, viewer: FullViewer) -> list[Json]:
    """The apps the viewer owns or collaborates on; all apps for an admin."""
    query = apps.living() if viewer.account.admin else apps.of_account(viewer.account.id)
    return _list(request, response, opened, query)


@router.get("/users/{user}/apps")
def index_of_user(user: str, request: Request, response: Response, opened: Opened, viewer: FullViewer) -> list[Json]:
    """The apps the viewer (`~`) owns or collaborates on."""
    if user not in ("~", str(viewer.account.id), viewer.account.email):
        raise NotFound("Couldn't find that user.", "user")
    return _list(request, response, opened, apps.of_account(viewer.account.id))


def _list(request: Request, response: Response, opened: Session, query: Select[tuple[App]]) -> list[Json]:
    return shapes(opened, page(opened, request, response, query, _COLUMNS))


@router.get("/apps/{app}")
def info(app: UsableApp, opened: Opened) -> Json:
    """One app."""
    return shape(opened, app)


@router.patch("/apps/{app}")
def update(app: UsableApp, change: Change, opened: Opened, viewer: AnyViewer) -> Json:
    """Rename (the owner's right), switch maintenance, choose the stack of the next build."""
    if change.name is not None and change.name != app.name:
        if not may(opened, viewer, app, Right.OWN):
            raise Forbidden(f"Only the owner of {app.name} may rename it.")
        before = app.name
        _take_name(opened, app, app_names.check(change.name))
        leave(opened, viewer, "app.rename", app, f"Renamed from {before} to {app.name}", before=before, name=app.name)
    if change.maintenance is not None and change.maintenance != app.maintenance:
        app.maintenance = change.maintenance
        text = f"Maintenance mode {'enabled' if app.maintenance else 'disabled'}"
        leave(opened, viewer, "app.maintenance", app, text, maintenance=app.maintenance)
    if change.build_stack is not None and (stack := check_stack(change.build_stack)) != app.stack:
        app.stack = stack
        leave(opened, viewer, "app.stack", app, f"Build stack set to {stack}", stack=stack)
    notify(opened, WANTED, app.id)
    opened.flush()
    return shape(opened, app)


@router.delete("/apps/{app}")
def delete(app: OwnedApp, opened: Opened, viewer: FullViewer) -> Json:
    """Delete the app: it is gone for users at once, and the manifold removes its dynos and routes."""
    gone = shape(opened, app)
    leave(opened, viewer, "app.delete", app, name=app.name)
    apps.archive(opened, app)
    notify(opened, WANTED, app.id)
    return gone


def _free_name(opened: Session) -> str:
    while apps.name_is_taken(opened, name := app_names.haiku()):
        pass
    return name


def _take_name(opened: Session, app: App, name: str) -> None:
    """Give `app` the name; two requests for one name are decided by the database."""
    taken = InvalidParams(f"Name {name} is already taken")
    if apps.name_is_taken(opened, name):
        raise taken
    app.name = name
    opened.add(app)
    try:
        opened.flush()
    except IntegrityError:
        raise taken from None
