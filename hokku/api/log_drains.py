"""/apps/A/log-drains: where an app's lines are forwarded to. `hokku.logplex.drains` does the forwarding."""

from __future__ import annotations

import logging

from fastapi import APIRouter
from pydantic import BaseModel
from redis import RedisError
from sqlalchemy.orm import Session

from hokku.api import answers
from hokku.api.access import AnyViewer, Opened, OwnedApp, UsableApp
from hokku.api.ranges import Ranged
from hokku.api.shape import Json, app_ref, stamps
from hokku.api.trail import leave
from hokku.errors import InvalidParams, NotFound
from hokku.logplex.drains import SCHEMES
from hokku.logplex.streams import newest_number
from hokku.outbound import guard
from hokku.outbound.url import parse
from hokku.store import drains
from hokku.store.drains import Drain
from hokku.store.engine import DRAINS, notify
from hokku.store.tables import App

router = APIRouter()
log = logging.getLogger(__name__)
MOST = 5  # of one app (Heroku)


class Create(BaseModel):
    url: str


def shape(app: App, row: Drain) -> Json:
    """A drain as Heroku shows it, with its URL as it was given."""
    return stamps(row) | {"addon": None, "app": app_ref(app), "token": row.token, "url": row.url}


@router.get("/apps/{app}/log-drains")
def index(app: UsableApp, opened: Opened, ranged: Ranged) -> list[answers.LogDrain]:
    """The app's drains."""
    found = [shape(app, row) for row in drains.of_app(opened, app.id)]
    return ranged(found, "id", "created_at", "updated_at", "url")


@router.post("/apps/{app}/log-drains", status_code=201)
def create(app: OwnedApp, wanted: Create, opened: Opened, viewer: AnyViewer) -> answers.LogDrain:
    """Forward the app's lines to the URL, from now on."""
    url = parse(wanted.url, SCHEMES)
    guard.check(url.host, url.port)
    present = drains.of_app(opened, app.id, lock=True)
    if any(row.url == wanted.url for row in present):
        raise InvalidParams("Url has already been taken")
    if len(present) >= MOST:
        raise InvalidParams(f"{app.name} has {MOST} log drains, which is the most an app can have. Remove one first.")
    row = drains.create(opened, app.id, wanted.url, _newest(app))
    leave(opened, viewer, "log-drain.create", app, f"Add log drain {row.token}", drain=str(row.id), host=url.host)
    notify(opened, DRAINS, app.id)
    return shape(app, row)


@router.get("/apps/{app}/log-drains/{drain:path}")
def info(app: UsableApp, drain: str, opened: Opened) -> answers.LogDrain:
    """One drain, by id, token or URL."""
    return shape(app, _find(opened, app, drain))


@router.delete("/apps/{app}/log-drains/{drain:path}")
def delete(app: OwnedApp, drain: str, opened: Opened, viewer: AnyViewer) -> answers.LogDrain:
    """Forward lines there no longer."""
    row = _find(opened, app, drain)
    opened.delete(row)
    leave(opened, viewer, "log-drain.delete", app, f"Remove log drain {row.token}", drain=str(row.id))
    notify(opened, DRAINS, app.id)
    return shape(app, row)


def _newest(app: App) -> int | None:
    try:
        return newest_number(app.id)
    except RedisError as error:
        log.warning("a drain begins without knowing at which line: %s", type(error).__name__)
        return None


def _find(opened: Session, app: App, identity: str) -> Drain:
    for row in drains.of_app(opened, app.id):
        if identity in (str(row.id), row.token) or identity == row.url:
            return row
    raise NotFound("Couldn't find that log drain.", "log-drain")
