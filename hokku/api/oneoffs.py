"""POST /apps/A/dynos: a one-off dyno (heroku run); POST /apps/A/dynos/DYNO: a command in a running one (run:inside)."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter
from pydantic import BaseModel, Field
from sqlalchemy.orm import Session

from hokku.api import answers
from hokku.api.access import AnyViewer, Opened, OwnedApp
from hokku.api.dynos import no_dyno, shape, shapes
from hokku.api.formation import size_of
from hokku.api.shape import size_name
from hokku.api.trail import leave
from hokku.errors import InvalidParams
from hokku.oneoff import ask
from hokku.settings import settings
from hokku.store import dynos, phases, releases
from hokku.store.tables import App, DynoState, Release

router = APIRouter()
Env = dict[str, str | int | float | bool | None]


class Inside(BaseModel):
    """`env` goes over the release's environment; COLUMNS and LINES in it are the size of the client's terminal."""

    command: str
    env: Env | None = None
    force_no_tty: bool | None = None


class Create(BaseModel):
    """`attach`: a client comes to `attach_url` for it. `time_to_live` in seconds."""

    command: str = ""
    attach: bool | None = None
    env: Env | None = None
    force_no_tty: bool | None = None
    size: str | None = None
    type: str | None = None
    time_to_live: Annotated[int, Field(ge=1, le=ask.LONGEST)] | None = None


def _given(env: Env | None) -> dict[str, str]:
    """The environment as text; what has no value is left out."""
    return {name: str(value) for name, value in (env or {}).items() if value is not None}


def _release(opened: Session, app: App) -> Release | None:
    """The release that a command runs with: the newest whose release command is over.

    It need not serve yet. Whoever sets a config var and then runs a command expects it there.
    """
    newest = releases.newest(opened, app.id)
    held = phases.held_from(opened, app.id)
    return newest if newest is None or held is None or newest.version < held else releases.current(opened, app.id)


@router.post("/apps/{app}/dynos", status_code=201)
def create(app: OwnedApp, wanted: Create, opened: Opened, viewer: AnyViewer) -> answers.Dyno:
    """Run a command in a dyno of its own: attached, or detached with its output in the app's log."""
    release = _release(opened, app)
    slug = releases.slug_of(opened, release)
    if release is None or slug is None:
        raise InvalidParams(
            f"{app.name} was not deployed yet, so there is nothing to run. Push first: git push heroku main."
        )
    kind, env = ask.kind(wanted.type), _given(wanted.env)
    command = wanted.command or slug.process_types.get(kind, "")
    order = ask.order(command, env, slug.process_types)
    made = ask.ask(
        opened,
        app,
        release,
        order,
        account_id=viewer.account.id,
        type=kind,
        size=size_of(wanted.size, settings().default_size),
        attach=bool(wanted.attach),
        tty=ask.wants_tty(env, wanted.force_no_tty),
        time_to_live=wanted.time_to_live or ask.LONGEST,
    )
    line = f"Starting process with command `{order.command}`"
    leave(opened, viewer, "dyno.create", app, line, dyno=made.oneoff.name, size=size_name(made.oneoff.size))
    url = ask.attach_url(made.secret) if made.secret else None
    return shape(app, made.oneoff, release.version, order.command, url)


@router.post("/apps/{app}/dynos/{dyno}", status_code=201)
def run_inside(app: OwnedApp, dyno: str, wanted: Inside, opened: Opened, viewer: AnyViewer) -> answers.Dyno:
    """Run a command in a dyno that is up, for a client that comes to `attach_url`."""
    found = dynos.by_identity(opened, app.id, dyno)
    if not found:
        raise no_dyno(dyno)
    row = next((each for each in reversed(found) if each.state is DynoState.UP), None)
    if row is None:
        raise InvalidParams(f"{dyno} is not up ({found[-1].state}): nothing can be run in it. Try again once it is.")
    slug = releases.slug_of(opened, releases.by_identity(opened, app.id, str(row.release_id)))
    env = _given(wanted.env)
    order = ask.order(wanted.command, env, slug.process_types if slug else {})
    tty = ask.wants_tty(env, wanted.force_no_tty)
    secret = ask.enter(opened, app, row, order, account_id=viewer.account.id, tty=tty)
    name = f"{row.type}.{row.number}"
    leave(opened, viewer, "dyno.enter", app, f"Starting process with command `{order.command}` in {name}", dyno=name)
    return shapes(opened, app, [row])[0] | {"attach_url": ask.attach_url(secret)}
