"""/oauth/authorizations: tokens. `heroku login -i` makes one with Basic email:password."""

from __future__ import annotations

import uuid

from fastapi import APIRouter
from pydantic import BaseModel, Field
from sqlalchemy import select
from sqlalchemy.orm import Session

from hokku.api.access import FullViewer, Opened, Viewer
from hokku.api.shape import Json, stamps
from hokku.api.trail import leave
from hokku.errors import InvalidParams, NotFound
from hokku.store import accounts
from hokku.store.tables import Authorization, now

router = APIRouter(prefix="/oauth")
HIDDEN = "HOKKU-hidden"  # of a token only its hash is kept: it is shown when it is made, and never again


class Create(BaseModel):
    description: str = Field(default="", max_length=500)
    expires_in: int | None = Field(default=None, gt=0)
    scope: list[str] | None = None


def shape(row: Authorization, viewer: Viewer, token: str = HIDDEN) -> Json:
    """An authorization as Heroku shows it; `token` is real only in the answer that makes it."""
    left = max(0, int((row.expires_at - now()).total_seconds())) if row.expires_at else None
    return stamps(row) | {
        "access_token": {"id": str(row.id), "expires_in": left, "token": token},
        "client": None,
        "description": row.description,
        "grant": None,
        "refresh_token": None,
        "scope": row.scope,
        "session": None,
        "user": {"id": str(viewer.account.id), "email": viewer.account.email, "full_name": viewer.account.name},
    }


@router.post("/authorizations", status_code=201)
def create(opened: Opened, viewer: FullViewer, wanted: Create | None = None) -> Json:
    """A new token of the account."""
    wanted = wanted or Create()
    if wanted.scope not in (None, ["global"]):
        raise InvalidParams('`scope` can only be ["global"].')
    row, token = accounts.authorize(
        opened, viewer.account.id, description=wanted.description, expires_in=wanted.expires_in
    )
    leave(opened, viewer, "authorization.create", id=str(row.id), description=row.description)
    return shape(row, viewer, token)


@router.get("/authorizations")
def index(opened: Opened, viewer: FullViewer) -> list[Json]:
    """The account's tokens, without those of git sessions."""
    rows = opened.scalars(
        select(Authorization)
        .where(Authorization.account_id == viewer.account.id, Authorization.app_id.is_(None))
        .order_by(Authorization.created_at)
    )
    return [shape(row, viewer) for row in rows]


@router.get("/authorizations/{authorization}")
def info(authorization: str, opened: Opened, viewer: FullViewer) -> Json:
    """One token, `~` being the one the request came with."""
    return shape(_find(opened, viewer, authorization), viewer)


@router.delete("/authorizations/{authorization}")
def delete(authorization: str, opened: Opened, viewer: FullViewer) -> Json:
    """Take a token back; it stops working at once."""
    row = _find(opened, viewer, authorization)
    opened.delete(row)
    leave(opened, viewer, "authorization.delete", id=str(row.id))
    return shape(row, viewer)


@router.delete("/sessions/{session}")
def delete_session(session: str, viewer: FullViewer) -> Json:
    """There are no browser sessions to end; `heroku logout` expects this answer."""
    raise NotFound("Couldn't find that session.", "session")


def _find(opened: Session, viewer: Viewer, identity: str) -> Authorization:
    row = viewer.authorization
    if identity != "~":
        try:
            row = opened.get(Authorization, uuid.UUID(identity))
        except ValueError:
            row = opened.scalar(select(Authorization).where(Authorization.token_hash == accounts.hash_token(identity)))
    if row is None or row.account_id != viewer.account.id:
        raise NotFound("Couldn't find that authorization.", "authorization")
    return row
