"""/apps/A/dynos: what runs, as the manifold reports it, and the wish that it restarts or stops."""

from __future__ import annotations

import uuid

from fastapi import APIRouter, Request, Response
from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from hokku.api.access import AnyViewer, Opened, UsableApp, Viewer
from hokku.api.ranges import page
from hokku.api.shape import Json, app_ref, at, size_name
from hokku.api.trail import leave
from hokku.errors import InvalidParams, NotFound
from hokku.store import formations
from hokku.store.engine import WANTED, notify
from hokku.store.tables import App, Dyno, DynoState, Release, now

router = APIRouter()
_SHOWN = {DynoState.STOPPING: "down", DynoState.STOPPED: "down"}  # Heroku knows crashed, down, idle, starting, up


def _living(app: App) -> Select[tuple[Dyno]]:
    return select(Dyno).where(Dyno.app_id == app.id, Dyno.state != DynoState.STOPPED)


def shape(app: App, dyno: Dyno, version: int) -> Json:
    """A dyno as Heroku shows it."""
    return {
        "app": app_ref(app),
        "attach_url": None,
        "command": dyno.command,
        "created_at": at(dyno.created_at),
        "id": str(dyno.id),
        "name": f"{dyno.type}.{dyno.number}",
        "release": {"id": str(dyno.release_id), "version": version},
        "size": size_name(dyno.size),
        "state": _SHOWN.get(dyno.state, dyno.state.value),
        "type": dyno.type,
        "updated_at": at(dyno.updated_at),
    }


def _shapes(opened: Session, app: App, rows: list[Dyno]) -> list[Json]:
    wanted = {row.release_id for row in rows}
    found = opened.execute(select(Release.id, Release.version).where(Release.id.in_(wanted)))
    versions = {release_id: version for release_id, version in found}
    rows = sorted(rows, key=lambda row: (row.type, row.number, row.created_at))
    return [shape(app, row, versions[row.release_id]) for row in rows]


def _find(opened: Session, app: App, identity: str) -> list[Dyno]:
    """The dynos with this id or name: two have one name while a deploy replaces one by the other."""
    try:
        query = _living(app).where(Dyno.id == uuid.UUID(identity))
    except ValueError:
        kind, _, number = identity.rpartition(".")
        if not (number.isascii() and number.isdigit() and len(number) < 9):
            return []
        query = _living(app).where(Dyno.type == kind, Dyno.number == int(number))
    return list(opened.scalars(query.order_by(Dyno.created_at)))


def _no_dyno(identity: str) -> NotFound:
    return NotFound(f"Couldn't find that dyno ({identity}). `heroku ps` lists the app's dynos.", "dyno")


def _replace_type(opened: Session, app: App, viewer: Viewer, kind: str | None) -> None:
    rows = formations.of_app(opened, app.id)
    if kind is not None and kind not in rows:
        types = ", ".join(sorted(rows)) or "none yet"
        raise NotFound(f"Couldn't find that process type ({kind}). {app.name} has: {types}.", "formation")
    for row in rows.values():
        if kind in (None, row.type):
            row.restarted_at = now()
    leave(opened, viewer, "dynos.restart", app, f"Restart {kind or 'all dynos'}", type=kind)
    notify(opened, WANTED, app.id)


def _replace_one(opened: Session, app: App, viewer: Viewer, identity: str) -> None:
    """Ask the manifold to stop a dyno of the formation; it starts another in its place, as Heroku does."""
    if identity in formations.of_app(opened, app.id):
        _replace_type(opened, app, viewer, identity)  # older CLIs send a type as a dyno's name
        return
    found = _find(opened, app, identity)
    if not found:
        raise _no_dyno(identity)
    for dyno in found:
        dyno.stop_requested_at = now()
    leave(opened, viewer, "dyno.restart", app, f"Restart {found[0].type}.{found[0].number}", dyno=identity)
    notify(opened, WANTED, app.id)


@router.get("/apps/{app}/dynos")
def index(app: UsableApp, request: Request, response: Response, opened: Opened) -> list[Json]:
    """Every dyno there is."""
    columns = {"id": Dyno.id, "updated_at": Dyno.updated_at}
    return _shapes(opened, app, page(opened, request, response, _living(app), columns))


@router.get("/apps/{app}/dynos/{dyno}")
def info(app: UsableApp, dyno: str, opened: Opened) -> Json:
    """One dyno, by name or id; the newer one while one replaces the other."""
    found = _find(opened, app, dyno)
    if not found:
        raise _no_dyno(dyno)
    return _shapes(opened, app, found[-1:])[0]


@router.post("/apps/{app}/dynos")
def create(app: UsableApp) -> Json:
    """One-off dynos are not there yet, and this says so."""
    raise InvalidParams(
        "One-off dynos (heroku run) are not there yet on this platform. Add a process type to the Procfile instead."
    )


@router.delete("/apps/{app}/dynos", status_code=202)
def restart_all(app: UsableApp, opened: Opened, viewer: AnyViewer) -> Json:
    """Replace every dyno."""
    _replace_type(opened, app, viewer, None)
    return {}


@router.delete("/apps/{app}/dynos/{dyno}", status_code=202)
def restart(app: UsableApp, dyno: str, opened: Opened, viewer: AnyViewer) -> Json:
    """Replace one dyno."""
    _replace_one(opened, app, viewer, dyno)
    return {}


@router.post("/apps/{app}/dynos/{dyno}/actions/stop", status_code=202)
def stop(app: UsableApp, dyno: str, opened: Opened, viewer: AnyViewer) -> Json:
    """Stop one dyno; one of the formation is started again."""
    _replace_one(opened, app, viewer, dyno)
    return {}


@router.delete("/apps/{app}/formations/{kind}", status_code=202)
def restart_type(app: UsableApp, kind: str, opened: Opened, viewer: AnyViewer) -> Json:
    """Replace every dyno of a type."""
    _replace_type(opened, app, viewer, kind)
    return {}


@router.post("/apps/{app}/formations/{kind}/actions/stop", status_code=202)
def stop_type(app: UsableApp, kind: str, opened: Opened, viewer: AnyViewer) -> Json:
    """Stop every dyno of a type; the formation starts them again."""
    _replace_type(opened, app, viewer, kind)
    return {}
