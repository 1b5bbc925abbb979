"""/apps: create, list, show, rename, put under maintenance, delete."""

from __future__ import annotations

from collections.abc import Iterable

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel
from sqlalchemy import Select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from hokku import release
from hokku.api import answers, app_names
from hokku.api.access import AnyViewer, FullViewer, Opened, OwnedApp, UsableApp
from hokku.api.ranges import page
from hokku.api.shape import at, named, stamps, user_ref
from hokku.api.stacks import check as check_stack
from hokku.api.trail import leave
from hokku.errors import InvalidParams, NotFound
from hokku.settings import settings
from hokku.store import accounts, apps, releases
from hokku.store.engine import DRAINS, WANTED, notify
from hokku.store.tables import Account, App, Slug

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


def shapes(opened: Session, rows: Iterable[App]) -> list[answers.App]:
    """Apps as Heroku shows them: two queries, however many they are."""
    listed = list(rows)
    owners = accounts.by_ids(opened, {app.owner_id for app in listed})
    slugs = releases.current_slugs(opened, [app.id for app in listed])
    return [_shape(app, owners[app.owner_id], slugs.get(app.id)) for app in listed]


def _shape(app: App, owner: Account, slug: Slug | None) -> answers.App:
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


def shape(opened: Session, app: App) -> answers.App:
    """One app as Heroku shows it."""
    return shapes(opened, [app])[0]


@router.post("/apps", status_code=201)
def create(opened: Opened, viewer: FullViewer, wanted: Create | None = None) -> answers.App:
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
def index(request: Request, response: Response, opened: Opened, viewer: FullViewer) -> list[answers.App]:
    """The apps the viewer owns or collaborates on; all apps for an admin."""
    query = apps.living() if viewer.account.admin else apps.of_account(viewer.account.id)
    return _list(request, response, opened, query)


@router.get("/users/{user}/apps")
def index_of_user(
    user: str, request: Request, response: Response, opened: Opened, viewer: FullViewer
) -> list[answers.App]:
    """The apps the viewer (`~`) owns or collaborates on."""
    if user not in ("~", str(viewer.account.id), viewer.account.email):
        raise NotFound("Couldn't find that user.", "user")
    return _list(request, response, opened, apps.of_account(viewer.account.id))


def _list(request: Request, response: Response, opened: Session, query: Select[tuple[App]]) -> list[answers.App]:
    return shapes(opened, page(opened, request, response, query, _COLUMNS))


@router.get("/apps/{app}")
def info(app: UsableApp, opened: Opened) -> answers.App:
    """One app."""
    return shape(opened, app)


@router.patch("/apps/{app}")
def update(app: OwnedApp, change: Change, opened: Opened, viewer: AnyViewer) -> answers.App:
    """Rename, switch maintenance, choose the stack of the next build."""
    if change.name is not None and change.name != app.name:
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
def delete(app: OwnedApp, opened: Opened, viewer: FullViewer) -> answers.App:
    """Delete the app: it is gone for users at once, and the manifold removes its dynos and routes."""
    gone = shape(opened, app)
    leave(opened, viewer, "app.delete", app, name=app.name)
    apps.archive(opened, app)
    notify(opened, WANTED, app.id)
    notify(opened, DRAINS, app.id)
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
