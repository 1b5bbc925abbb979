"""/internal/git: what the git receiver of this platform asks, with the platform's own token and no account's."""

from __future__ import annotations

from fastapi import APIRouter, Request
from pydantic import BaseModel
from sqlalchemy.orm import Session

from hokku.api.access import Opened, PlatformOnly, Viewer, address_of, find_app, told_address
from hokku.api.shape import Json
from hokku.api.trail import leave
from hokku.errors import NotFound
from hokku.store import accounts, keys

router = APIRouter(prefix="/internal/git", dependencies=[PlatformOnly], include_in_schema=False)
SESSION = 3 * 3600  # seconds a git session's token lives: a build and a release command


class Create(BaseModel):
    """`address` is the client's, as sshd knows it."""

    app: str
    fingerprint: str
    address: str = ""


def open_session(opened: Session, viewer: Viewer, app: str) -> Json:
    """{app_id, app_name, token} for a push of the viewer to `app`: the token opens this app only, for three hours.

    Raises NotFound when there is no such app or it is a stranger's.
    """
    found, account = find_app(opened, viewer, app), viewer.account
    _, token = accounts.authorize(
        opened, account.id, description="git session", expires_in=SESSION, app_id=found.id, scope=["git"]
    )
    leave(opened, viewer, "git-session.create", found)
    return {"app_id": str(found.id), "app_name": found.name, "token": token, "email": account.email}


@router.get("/keys")
def key(fingerprint: str, opened: Opened) -> Json:
    """Whose key it is."""
    found = keys.by_fingerprint(opened, fingerprint)
    if found is None:
        raise NotFound("This key is not known. Add it with `heroku keys:add`.", "key")
    row, account = found
    return {"account_id": str(account.id), "email": account.email, "public_key": row.public_key}


@router.post("/sessions", status_code=201)
def session(wanted: Create, request: Request, opened: Opened) -> Json:
    """A token for one push over SSH."""
    found = keys.by_fingerprint(opened, wanted.fingerprint)
    if found is None:
        raise NotFound("This key is not known. Add it with `heroku keys:add`.", "key")
    address = told_address(wanted.address) or address_of(request)
    return open_session(opened, Viewer(found[1], None, address), wanted.app)
