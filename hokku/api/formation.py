"""/apps/A/formation: how many dynos of each process type, and of what size."""

from __future__ import annotations

import re
from dataclasses import dataclass

from fastapi import APIRouter
from pydantic import BaseModel
from sqlalchemy.orm import Session

from hokku.api import answers
from hokku.api.access import AnyViewer, Opened, OwnedApp, UsableApp, Viewer
from hokku.api.ranges import Ranged
from hokku.api.shape import app_ref, named, size_name, stamps
from hokku.api.trail import leave
from hokku.errors import InvalidParams, NotFound
from hokku.settings import settings
from hokku.store import formations, phases, releases
from hokku.store.engine import WANTED, notify
from hokku.store.tables import App, Formation

router = APIRouter()
MOST = 100  # dynos of one type (Heroku: 100 of Standard-1X)
_QUANTITY = re.compile(r"[+-]?\d{1,6}")

_NO_IMAGES = "Docker images are not run by this platform. Push the source with git, and buildpacks make the slug."


class Update(BaseModel):
    type: str
    quantity: int | str | None = None
    size: str | None = None
    dyno_size: str | dict[str, str] | None = None
    docker_image: str | None = None


class Change(BaseModel):
    quantity: int | str | None = None
    size: str | None = None
    dyno_size: str | dict[str, str] | None = None


class Updates(BaseModel):
    updates: list[Update]


@dataclass(frozen=True)
class Scale:
    """What a type will have."""

    type: str
    quantity: int
    size: str


def quantity_of(kind: str, wanted: int | str | None, present: int) -> int:
    """How many `wanted` means: 3, "3", "+1" or "-1". Raises InvalidParams for anything else and for too many."""
    if wanted is None:
        return present
    text = str(wanted).strip()
    if not _QUANTITY.fullmatch(text):
        raise InvalidParams(f"Quantity {text!r} of {kind} is not a number. Use {kind}=2, {kind}=+1 or {kind}=-1.")
    number = present + int(text) if text[0] in "+-" and isinstance(wanted, str) else int(text)
    # a deploy has the old and the new web dynos in the routers side by side
    most = min(MOST, settings().servers_per_backend // 2) if kind == "web" else MOST
    if number < 0:
        raise InvalidParams(f"Cannot scale {kind} to {number}: it has {present} now, and less than 0 is not possible.")
    if number > most:
        raise InvalidParams(
            f"Cannot scale {kind} to {number}: this platform runs at most {most} {kind} dynos of an app."
        )
    return number


def size_of(wanted: str | dict[str, str] | None, present: str) -> str:
    """The size called `wanted`, whatever its case; raises InvalidParams that names the sizes there are."""
    if isinstance(wanted, dict):
        wanted = wanted.get("name") or wanted.get("id")
    if wanted is None:
        return present
    for name in settings().sizes:
        if wanted.lower() == name or wanted == named("size", size_name(name))["id"]:
            return name
    names = ", ".join(size_name(name) for name in settings().sizes)
    raise InvalidParams(f"Dyno size {wanted} is not known. Choose one of: {names}.")


def shape(app: App, row: Formation, command: str) -> answers.Formation:
    """A formation entry as Heroku shows it."""
    return stamps(row) | {
        "app": app_ref(app),
        "command": command,
        "dyno_size": named("size", size_name(row.size)),
        "quantity": row.quantity,
        "size": size_name(row.size),
        "type": row.type,
    }


def _commands(opened: Session, app: App) -> dict[str, str]:
    slug = releases.slug_of(opened, releases.newest(opened, app.id))
    return dict(slug.process_types) if slug else {}


def _shapes(opened: Session, app: App, commands: dict[str, str]) -> list[answers.Formation]:
    rows = formations.of_app(opened, app.id)
    return [shape(app, rows[kind], command) for kind, command in sorted(commands.items()) if kind in rows]


def _no_type(app: App, kind: str, commands: dict[str, str]) -> NotFound:
    if not commands:
        return NotFound(f"Couldn't find that process type ({kind}): {app.name} was not deployed yet.", "formation")
    return NotFound(
        f"Couldn't find that process type ({kind}). {app.name} has: {', '.join(sorted(commands))}.", "formation"
    )


def _apply(opened: Session, app: App, viewer: Viewer, updates: list[Update]) -> list[answers.Formation]:
    commands = _commands(opened, app)
    opened.refresh(app, with_for_update=True)
    rows = formations.of_app(opened, app.id)
    changed = False
    for update in updates:
        if update.docker_image is not None:
            raise InvalidParams(_NO_IMAGES)
        row = rows.get(update.type)
        if row is None or update.type not in commands:
            raise _no_type(app, update.type, commands)
        quantity = quantity_of(update.type, update.quantity, row.quantity)
        if update.type == phases.TYPE and quantity:
            raise InvalidParams("Cannot scale release: its command runs once for each new release.")
        size = size_of(update.dyno_size or update.size, row.size)
        changed = changed or (quantity, size) != (row.quantity, row.size)
        row.quantity, row.size = quantity, size
    if changed:
        opened.flush()
        now_has = [rows[kind] for kind in sorted(commands) if kind in rows]
        line = "Scaled to " + " ".join(f"{row.type}@{row.quantity}:{size_name(row.size)}" for row in now_has)
        leave(opened, viewer, "formation.update", app, line, formation={row.type: row.quantity for row in now_has})
        notify(opened, WANTED, app.id)
    asked = {update.type for update in updates}
    return [entry for entry in _shapes(opened, app, commands) if entry["type"] in asked]


@router.get("/apps/{app}/formation")
def index(app: UsableApp, opened: Opened, ranged: Ranged) -> list[answers.Formation]:
    """Every process type of the app's slug."""
    return ranged(_shapes(opened, app, _commands(opened, app)), "type", "id", "created_at", "updated_at")


@router.get("/apps/{app}/formation/{kind}")
def info(app: UsableApp, kind: str, opened: Opened) -> answers.Formation:
    """One process type, by name or id."""
    commands = _commands(opened, app)
    for entry in _shapes(opened, app, commands):
        if kind in (entry["type"], entry["id"]):
            return entry
    raise _no_type(app, kind, commands)


@router.patch("/apps/{app}/formation")
def batch_update(app: OwnedApp, wanted: Updates, opened: Opened, viewer: AnyViewer) -> list[answers.Formation]:
    """Scale several types at once; all of it or nothing."""
    return _apply(opened, app, viewer, wanted.updates)


@router.patch("/apps/{app}/formation/{kind}")
def update(app: OwnedApp, kind: str, wanted: Change, opened: Opened, viewer: AnyViewer) -> answers.Formation:
    """Scale one type."""
    update = Update(type=kind, quantity=wanted.quantity, size=wanted.size, dyno_size=wanted.dyno_size)
    return _apply(opened, app, viewer, [update])[0]
