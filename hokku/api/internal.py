"""/internal/git: what the git receiver of this platform asks, with the platform's own token and no account's."""

from __future__ import annotations

from fastapi import APIRouter
from pydantic import BaseModel
from sqlalchemy.orm import Session

from hokku.api.access import Opened, PlatformOnly, Viewer, find_app
from hokku.api.shape import Json
from hokku.errors import NotFound
from hokku.store import accounts, keys
from hokku.store.tables import Account

router = APIRouter(prefix="/internal/git", dependencies=[PlatformOnly], include_in_schema=False)
SESSION = 3600  # seconds a git session's token lives


class Create(BaseModel):
    app: str
    fingerprint: str


def open_session(opened: Session, account: Account, app: str) -> Json:
    """{app_id, app_name, token} for a push of `account` to `app`: the token opens this app only, for an hour.

    Raises NotFound when there is no such app or it is a stranger's.
    """
    found = find_app(opened, Viewer(account, None), app)
    _, token = accounts.authorize(
        opened, account.id, description="git session", expires_in=SESSION, app_id=found.id, scope=["git"]
    )
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
def session(wanted: Create, opened: Opened) -> Json:
    """A token for one push over SSH."""
    found = keys.by_fingerprint(opened, wanted.fingerprint)
    if found is None:
        raise NotFound("This key is not known. Add it with `heroku keys:add`.", "key")
    return open_session(opened, found[1], wanted.app)
