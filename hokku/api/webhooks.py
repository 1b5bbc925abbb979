"""/apps/A/webhooks: receivers that are told of changes of an app. `hokku.webhooks` does the telling."""

from __future__ import annotations

import secrets
from typing import Literal

from fastapi import APIRouter, Response
from pydantic import BaseModel
from sqlalchemy.orm import Session

from hokku.api import answers
from hokku.api.access import AnyViewer, Opened, OwnedApp, UsableApp
from hokku.api.ranges import Ranged
from hokku.api.shape import app_ref, stamps
from hokku.api.trail import leave
from hokku.errors import InvalidParams, NotFound
from hokku.outbound import guard
from hokku.outbound.post import SCHEMES
from hokku.outbound.url import parse
from hokku.store import webhooks
from hokku.store.sealed import seal
from hokku.store.tables import App
from hokku.store.webhooks import Webhook
from hokku.webhooks.entities import ENTITIES

router = APIRouter()
MOST = 20  # of one app
_SECRET_HEADER = "Heroku-Webhook-Secret"  # told once: when it is made or changed


class Create(BaseModel):
    include: list[str]
    level: Literal["notify", "sync"]
    url: str
    secret: str | None = None
    authorization: str | None = None


class Change(BaseModel):
    include: list[str] | None = None
    level: Literal["notify", "sync"] | None = None
    url: str | None = None
    secret: str | None = None
    authorization: str | None = None


def shape(app: App, row: Webhook) -> answers.Webhook:
    """A webhook as Heroku shows it: without its secret and authorization."""
    return stamps(row) | {"app": app_ref(app), "include": row.include, "level": row.level, "url": row.url}


@router.get("/apps/{app}/webhooks")
def index(app: UsableApp, opened: Opened, ranged: Ranged) -> list[answers.Webhook]:
    """The app's webhooks."""
    found = [shape(app, row) for row in webhooks.of_app(opened, app.id)]
    return ranged(found, "id", "created_at", "updated_at")


@router.post("/apps/{app}/webhooks", status_code=201)
def create(app: OwnedApp, wanted: Create, opened: Opened, viewer: AnyViewer, response: Response) -> answers.Webhook:
    """Tell the receiver of changes from now on. `Heroku-Webhook-Secret` has what notifications are signed with."""
    include, secret = _included(wanted.include), _secret(wanted.secret)
    host = _checked(wanted.url)
    if len(webhooks.of_app(opened, app.id, lock=True)) >= MOST:
        raise InvalidParams(f"{app.name} has {MOST} webhooks, which is the most an app can have. Remove one first.")
    row = Webhook(
        app_id=app.id,
        include=include,
        level=wanted.level,
        url_sealed=seal(wanted.url),
        secret_sealed=seal(secret),
        authorization_sealed=_authorization(wanted.authorization),
    )
    opened.add(row)
    opened.flush()
    leave(opened, viewer, "webhook.create", app, f"Add webhook {row.id}", webhook=str(row.id), host=host)
    response.headers[_SECRET_HEADER] = secret
    return shape(app, row)


@router.get("/apps/{app}/webhooks/{webhook}")
def info(app: UsableApp, webhook: str, opened: Opened) -> answers.Webhook:
    """One webhook, by id."""
    return shape(app, _find(opened, app, webhook))


@router.patch("/apps/{app}/webhooks/{webhook}")
def update(
    app: OwnedApp, webhook: str, change: Change, opened: Opened, viewer: AnyViewer, response: Response
) -> answers.Webhook:
    """Change what is given. A `secret` of null is one that the platform makes up."""
    row = _find(opened, app, webhook)
    if change.include is not None:
        row.include = _included(change.include)
    if change.level is not None:
        row.level = change.level
    if change.url is not None:
        _checked(change.url)
        row.url_sealed = seal(change.url)
    if "authorization" in change.model_fields_set:
        row.authorization_sealed = _authorization(change.authorization)
    if "secret" in change.model_fields_set:
        secret = _secret(change.secret)
        row.secret_sealed = seal(secret)
        response.headers[_SECRET_HEADER] = secret
    opened.flush()
    fields = sorted(change.model_fields_set)
    leave(opened, viewer, "webhook.update", app, f"Update webhook {row.id}", webhook=str(row.id), fields=fields)
    return shape(app, row)


@router.delete("/apps/{app}/webhooks/{webhook}")
def delete(app: OwnedApp, webhook: str, opened: Opened, viewer: AnyViewer) -> answers.Webhook:
    """Tell it nothing more; what it was told is forgotten."""
    row = _find(opened, app, webhook)
    opened.delete(row)
    leave(opened, viewer, "webhook.delete", app, f"Remove webhook {row.id}", webhook=str(row.id))
    return shape(app, row)


def _find(opened: Session, app: App, identity: str) -> Webhook:
    row = webhooks.by_id(opened, app.id, identity)
    if row is None:
        raise NotFound("Couldn't find that webhook.", "webhook")
    return row


def _included(wanted: list[str]) -> list[str]:
    unknown = [name for name in wanted if name not in ENTITIES]
    if unknown:
        raise InvalidParams(f"{unknown[0][:80]!r} is nothing to be told of. Include any of {', '.join(ENTITIES)}.")
    if not wanted:
        raise InvalidParams(f"A webhook must include something. Include any of {', '.join(ENTITIES)}.")
    return list(dict.fromkeys(wanted))


def _secret(wanted: str | None) -> str:
    if wanted is None:
        return secrets.token_hex(30)
    if not 1 <= len(wanted) <= 200 or not _fits_a_header(wanted):
        raise InvalidParams("The secret must have 1 to 200 characters of ASCII without spaces around it.")
    return wanted


def _authorization(wanted: str | None) -> str | None:
    if not wanted:
        return None
    if len(wanted) > 4096 or not _fits_a_header(wanted):
        raise InvalidParams("The authorization must have at most 4096 characters of ASCII without spaces around it.")
    return seal(wanted)


def _fits_a_header(text: str) -> bool:
    return text.isascii() and text.isprintable() and text == text.strip()


def _checked(text: str) -> str:
    """The URL's host, when the platform may send there."""
    url = parse(text, SCHEMES)
    guard.check(url.host, url.port)
    return url.host
