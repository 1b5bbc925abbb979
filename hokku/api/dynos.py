"""/apps/A/dynos: what runs, as the manifold reports it, and the wish that it restarts or stops.

One-off dynos are in it, also those that the manifold has not made yet. They are asked for in `oneoffs`.
"""

from __future__ import annotations

from collections.abc import Sequence

from fastapi import APIRouter, Request, Response
from sqlalchemy.orm import Session

from hokku.api import answers
from hokku.api.access import AnyViewer, Opened, OwnedApp, UsableApp, Viewer
from hokku.api.ranges import Ranged, page
from hokku.api.shape import app_ref, at, size_name
from hokku.api.trail import leave
from hokku.errors import NotFound
from hokku.store import dynos, formations, oneoffs, releases
from hokku.store.engine import WANTED, notify
from hokku.store.oneoffs import Oneoff
from hokku.store.tables import App, Dyno, DynoState, now

router = APIRouter()
_SHOWN = {DynoState.STOPPING: "down", DynoState.STOPPED: "down"}  # Heroku knows crashed, down, idle, starting, up


def shape(app: App, dyno: Dyno | Oneoff, version: int, command: str, attach_url: str | None = None) -> answers.Dyno:
    """A dyno as Heroku shows it; a wish for one starts."""
    state = dyno.state if isinstance(dyno, Dyno) else DynoState.STARTING
    return {
        "app": app_ref(app),
        "attach_url": attach_url,
        "command": command,
        "created_at": at(dyno.created_at),
        "id": str(dyno.id),
        "name": f"{dyno.type}.{dyno.number}",
        "release": {"id": str(dyno.release_id), "version": version},
        "size": size_name(dyno.size),
        "state": _SHOWN.get(state, state.value),
        "type": dyno.type,
        "updated_at": at(dyno.updated_at),
    }


def shapes(opened: Session, app: App, rows: Sequence[Dyno | Oneoff]) -> list[answers.Dyno]:
    """Dynos as Heroku shows them, in the order of their names."""
    wanted = {row.release_id for row in rows}
    versions = releases.versions(opened, wanted)
    commands = oneoffs.commands(opened, [row.id for row in rows])
    rows = sorted(rows, key=lambda row: (row.type, row.number, row.created_at))
    return [
        shape(app, row, versions[row.release_id], commands.get(row.id) or getattr(row, "command", "")) for row in rows
    ]


def _waiting(opened: Session, app: App, identity: str | None = None) -> list[Oneoff]:
    """The one-off dynos that the manifold has not begun yet."""
    rows = [row for row in oneoffs.living(opened, app.id) if row.claimed_at is None]
    return [row for row in rows if identity in (None, str(row.id), row.name)]


def no_dyno(identity: str) -> NotFound:
    return NotFound(f"Couldn't find that dyno ({identity}). `heroku ps` lists the app's dynos.", "dyno")


def _stop_oneoffs(opened: Session, app: App, viewer: Viewer, rows: Sequence[Oneoff]) -> None:
    """Ask the manifold to end one-off dynos: nothing takes their place."""
    oneoffs.request_stop(opened, [row.id for row in rows])
    for row in rows:
        leave(opened, viewer, "dyno.stop", app, f"Stop {row.name}", dyno=row.name)
    notify(opened, WANTED, app.id)


def _replace_type(opened: Session, app: App, viewer: Viewer, kind: str | None) -> None:
    rows = formations.of_app(opened, app.id)
    if kind is not None and (single := [row for row in oneoffs.living(opened, app.id) if row.type == kind]):
        _stop_oneoffs(opened, app, viewer, single)
        if kind not in rows:
            return
    if kind is not None and kind not in rows:
        types = ", ".join(sorted(rows)) or "none yet"
        raise NotFound(f"Couldn't find that process type ({kind}). {app.name} has: {types}.", "formation")
    for row in rows.values():
        if kind in (None, row.type):
            row.restarted_at = now()
    leave(opened, viewer, "dynos.restart", app, f"Restart {kind or 'all dynos'}", type=kind)
    notify(opened, WANTED, app.id)


def _replace_one(opened: Session, app: App, viewer: Viewer, identity: str) -> None:
    """Ask the manifold to stop a dyno: of the formation, it starts another in its place, as Heroku does."""
    living = oneoffs.living(opened, app.id)
    if identity in formations.of_app(opened, app.id) or any(row.type == identity for row in living):
        _replace_type(opened, app, viewer, identity)  # older CLIs send a type as a dyno's name
        return
    if single := [row for row in living if identity in (str(row.id), row.name)]:
        _stop_oneoffs(opened, app, viewer, single)
        return
    found = dynos.by_identity(opened, app.id, identity)
    if not found:
        raise no_dyno(identity)
    for dyno in found:
        dyno.stop_requested_at = now()
    leave(opened, viewer, "dyno.restart", app, f"Restart {found[0].type}.{found[0].number}", dyno=identity)
    notify(opened, WANTED, app.id)


@router.get("/apps/{app}/dynos")
def index(app: UsableApp, request: Request, response: Response, opened: Opened) -> list[answers.Dyno]:
    """Every dyno there is."""
    columns = {"id": Dyno.id, "updated_at": Dyno.updated_at}
    found: list[Dyno | Oneoff] = [*page(opened, request, response, dynos.of_app(app.id), columns)]
    if "Next-Range" not in response.headers:
        found += _waiting(opened, app)
    return shapes(opened, app, found)


def _placement(dyno: Dyno) -> answers.Placement:
    identity = str(dyno.id)
    return {"id": identity, "dyno": {"id": identity, "name": f"{dyno.type}.{dyno.number}"}, "host": dyno.host}


@router.get("/apps/{app}/placements")
def placements(app: UsableApp, ranged: Ranged, opened: Opened) -> list[answers.Placement]:
    """Which host each dyno runs on; of all of them at once (Hokku's own endpoint)."""
    rows = opened.scalars(dynos.of_app(app.id))
    return ranged([_placement(row) for row in rows], "id")


@router.get("/apps/{app}/dynos/{dyno}")
def info(app: UsableApp, dyno: str, opened: Opened) -> answers.Dyno:
    """One dyno, by name or id; the newer one while one replaces the other."""
    found = dynos.by_identity(opened, app.id, dyno) or _waiting(opened, app, dyno)
    if not found:
        raise no_dyno(dyno)
    return shapes(opened, app, found[-1:])[0]


@router.delete("/apps/{app}/dynos", status_code=202)
def restart_all(app: OwnedApp, opened: Opened, viewer: AnyViewer) -> answers.Nothing:
    """Replace every dyno."""
    _replace_type(opened, app, viewer, None)
    return {}


@router.delete("/apps/{app}/dynos/{dyno}", status_code=202)
def restart(app: OwnedApp, dyno: str, opened: Opened, viewer: AnyViewer) -> answers.Nothing:
    """Replace one dyno."""
    _replace_one(opened, app, viewer, dyno)
    return {}


@router.post("/apps/{app}/dynos/{dyno}/actions/stop", status_code=202)
def stop(app: OwnedApp, dyno: str, opened: Opened, viewer: AnyViewer) -> answers.Nothing:
    """Stop one dyno; one of the formation is started again."""
    _replace_one(opened, app, viewer, dyno)
    return {}


@router.delete("/apps/{app}/formations/{kind}", status_code=202)
def restart_type(app: OwnedApp, kind: str, opened: Opened, viewer: AnyViewer) -> answers.Nothing:
    """Replace every dyno of a type."""
    _replace_type(opened, app, viewer, kind)
    return {}


@router.post("/apps/{app}/formations/{kind}/actions/stop", status_code=202)
def stop_type(app: OwnedApp, kind: str, opened: Opened, viewer: AnyViewer) -> answers.Nothing:
    """Stop every dyno of a type; the formation starts them again."""
    _replace_type(opened, app, viewer, kind)
    return {}
