"""git over HTTPS: `git http-backend` behind the API's door, streamed both ways. The password is the token.

The router is mounted by the API and runs in its process, so who may what is asked where the API asks it.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass

from fastapi import APIRouter, Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import PlainTextResponse, Response

from hokku.api import access
from hokku.api.trail import leave
from hokku.errors import HokkuError
from hokku.settings import settings
from hokku.source import repository, request
from hokku.source.cgi import Backend
from hokku.store import accounts
from hokku.store.engine import session

router = APIRouter()
_SERVICES = ("git-upload-pack", "git-receive-pack")
_PUSH_LASTS = 3 * 3600  # seconds that a push's own token is good for: a build and a release command


@dataclass(frozen=True)
class _Admitted:
    app_id: uuid.UUID
    app_name: str
    email: str
    token: str  # limited to the app; empty when nothing is pushed


@router.get("/{app}.git/info/refs", include_in_schema=False)
async def info_refs(app: str, asked: Request, service: str = "") -> Response:
    """What a client asks first: the branches, and whether it may come in."""
    if service not in _SERVICES:
        return _say(403, "This git server speaks the smart protocol only: update git to 1.6.6 or newer.")
    return await _serve(asked, app, "/info/refs", push=False)


@router.post("/{app}.git/git-upload-pack", include_in_schema=False)
async def upload_pack(app: str, asked: Request) -> Response:
    """A fetch or clone."""
    return await _serve(asked, app, "/git-upload-pack", push=False)


@router.post("/{app}.git/git-receive-pack", include_in_schema=False)
async def receive_pack(app: str, asked: Request) -> Response:
    """A push."""
    return await _serve(asked, app, "/git-receive-pack", push=True)


async def _serve(asked: Request, app: str, path: str, push: bool) -> Response:
    header, client = asked.headers.get("authorization"), access.address_of(asked)
    try:
        admitted = await run_in_threadpool(_admit, header, client, app, push)
    except HokkuError as error:
        sentence = request.no_such_app(app) if error.status == 404 else error.message
        return _say(error.status, sentence)
    await run_in_threadpool(repository.ensure, settings().git_dir, str(admitted.app_id))
    environment = repository.environment(
        GIT_PROJECT_ROOT=str(settings().git_dir),
        GIT_HTTP_EXPORT_ALL="1",
        PATH_INFO=f"/{admitted.app_id}.git{path}",
        REMOTE_USER=admitted.email,
        HOKKU_APP_ID=str(admitted.app_id),
        HOKKU_APP=admitted.app_name,
        HOKKU_TOKEN=admitted.token,
        HOKKU_CLIENT=client or "",
    )
    return Backend(["git", "http-backend"], environment)


def _admit(header: str | None, address: str | None, identity: str, push: bool) -> _Admitted:
    """Who is at the door and for which app; raises Unauthorized, Forbidden or NotFound."""
    with session() as opened:
        viewer = access.authenticate(opened, header, address)
        access.admit(viewer, "POST" if push else "GET", "/apps/{app}/builds")
        app = access.find_app(opened, viewer, identity)
        token = ""
        if push:
            _, token = accounts.authorize(
                opened, viewer.account.id, description="git push", expires_in=_PUSH_LASTS, app_id=app.id
            )
            leave(opened, viewer, "git-session.create", app)
        return _Admitted(app.id, app.name, viewer.account.email, token)


def _say(status: int, sentence: str) -> Response:
    """git shows a plain text body of an error to its user, after `remote: `."""
    headers = {"WWW-Authenticate": 'Basic realm="hokku"'} if status == 401 else {}
    return PlainTextResponse(f"{request.bang(sentence)}\n", status, headers=headers)
