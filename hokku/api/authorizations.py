"""/oauth/authorizations: tokens. `heroku login -i` makes one with Basic email:password."""

from __future__ import annotations

from fastapi import APIRouter
from pydantic import BaseModel, Field
from sqlalchemy.orm import Session

from hokku.api import answers, scopes
from hokku.api.access import FullViewer, Opened, Viewer
from hokku.api.ranges import ANY, Ranged
from hokku.api.shape import stamps
from hokku.api.trail import leave
from hokku.errors import InvalidParams, NotFound
from hokku.store import accounts
from hokku.store.tables import Authorization, now

router = APIRouter(prefix="/oauth")
HIDDEN = "HOKKU-hidden"  # of a token only its hash is kept: shown to who makes it and who brings it

_LONGEST = 100 * 365 * 86_400  # seconds
_NO_CLIENTS = "OAuth clients are not there on this platform. Use authorizations:create for a token."


class Create(BaseModel):
    description: str = Field(default="", max_length=500)
    expires_in: int | None = Field(default=None, gt=0, le=_LONGEST)
    scope: list[str] | None = None
    client: dict[str, str] | str | None = None


class Change(BaseModel):
    description: str | None = Field(default=None, max_length=500)
    client: dict[str, str] | str | None = None


def shape(row: Authorization, viewer: Viewer, token: str = HIDDEN) -> answers.Authorization:
    """An authorization as Heroku shows it; `token` is real only for whoever makes or brings it."""
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
def create(opened: Opened, viewer: FullViewer, wanted: Create | None = None) -> answers.Authorization:
    """A new token of the account."""
    wanted = wanted or Create()
    if wanted.client is not None:
        raise InvalidParams(_NO_CLIENTS)
    scope = _checked(wanted.scope)
    row, token = accounts.authorize(
        opened, viewer.account.id, description=wanted.description, expires_in=wanted.expires_in, scope=scope
    )
    leave(opened, viewer, "authorization.create", id=str(row.id), description=row.description, scope=row.scope)
    return shape(row, viewer, token)


@router.get("/authorizations")
def index(opened: Opened, viewer: FullViewer, ranged: Ranged) -> list[answers.Authorization]:
    """The account's tokens, without those of git sessions.

    The one that the request came with is shown: `heroku logout` looks for it, and takes it back.
    """
    rows = accounts.authorizations(opened, viewer.account.id)
    shown = [shape(row, viewer, _told(viewer) if row is viewer.authorization else HIDDEN) for row in rows]
    return ranged(shown, "id", "created_at", "updated_at")


@router.get("/authorizations/{authorization}")
def info(authorization: str, opened: Opened, viewer: FullViewer) -> answers.Authorization:
    """One token, `~` being the one the request came with.

    That one is shown if it never expires: `heroku logout` leaves it then, as it leaves Heroku's API key, for
    programs may use it. What `heroku login` makes expires.
    """
    row = _find(opened, viewer, authorization)
    lasting = authorization == "~" and row.expires_at is None
    return shape(row, viewer, _told(viewer) if lasting else HIDDEN)


@router.patch("/authorizations/{authorization}")
def update(authorization: str, change: Change, opened: Opened, viewer: FullViewer) -> answers.Authorization:
    """Describe a token anew."""
    row = _find(opened, viewer, authorization)
    if change.client is not None:
        raise InvalidParams(_NO_CLIENTS)
    if change.description is not None:
        row.description = change.description
    leave(opened, viewer, "authorization.update", id=str(row.id), description=row.description)
    opened.flush()
    return shape(row, viewer)


@router.post("/authorizations/{authorization}/actions/regenerate-tokens")
def regenerate(authorization: str, opened: Opened, viewer: FullViewer) -> answers.Authorization:
    """A new token in place of the old one, which stops working at once; what it may do and how long stays."""
    row = _find(opened, viewer, authorization)
    token = accounts.renew(row)
    leave(opened, viewer, "authorization.regenerate", id=str(row.id))
    opened.flush()
    return shape(row, viewer, token)


@router.delete("/authorizations/{authorization}")
def delete(authorization: str, opened: Opened, viewer: FullViewer) -> answers.Authorization:
    """Take a token back; it stops working at once."""
    row = _find(opened, viewer, authorization)
    opened.delete(row)
    leave(opened, viewer, "authorization.delete", id=str(row.id))
    return shape(row, viewer)


@router.get("/sessions")
def sessions(viewer: FullViewer, ranged: Ranged) -> answers.NoneYet:
    """There are no browser sessions."""
    return ranged([], *ANY)


@router.delete("/sessions/{session}")
def delete_session(session: str, viewer: FullViewer) -> answers.Nothing:
    """There are no browser sessions to end; `heroku logout` expects this answer."""
    raise NotFound("Couldn't find that session.", "session")


def _told(viewer: Viewer) -> str:
    """The token that the request came with, for whoever sent it."""
    return viewer.token or HIDDEN


def _find(opened: Session, viewer: Viewer, identity: str) -> Authorization:
    row = viewer.authorization
    if identity != "~":
        row = accounts.authorization(opened, viewer.account.id, identity)
    if row is None:
        raise NotFound("Couldn't find that authorization.", "authorization")
    return row


def _checked(scope: list[str] | None) -> list[str]:
    """The scope without repetitions; raises InvalidParams that names the scopes there are."""
    if scope is None:
        return [scopes.GLOBAL]
    unknown = [name for name in scope if name not in scopes.ALL]
    if unknown or not scope:
        what = f"Scope {unknown[0][:40]!r} is not known" if unknown else "The scope is empty"
        raise InvalidParams(f"{what}. Use one or more of: {', '.join(scopes.ALL)}.")
    return list(dict.fromkeys(scope))
