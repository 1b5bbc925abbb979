"""/apps/A/log-sessions: where the app's log streams. The logplex serves it; the URL is the secret."""

from __future__ import annotations

import re
import uuid

from fastapi import APIRouter
from pydantic import BaseModel
from redis import RedisError

from hokku.api import answers
from hokku.api.access import Opened, UsableApp
from hokku.api.shape import at
from hokku.errors import InvalidParams, Unavailable
from hokku.store.tables import now

router = APIRouter()
MOST = 1500  # lines kept of an app (Heroku)
_PROCESS = re.compile(r"[\w-]{1,128}(\.[\w-]{1,20})?")
_SOURCE = re.compile(r"[\w-]{1,64}")


class Create(BaseModel):
    dyno: str | None = None
    dyno_name: str | None = None
    ps: str | None = None
    type: str | None = None
    source: str | None = None
    lines: int | None = None
    tail: bool | None = None


@router.post("/apps/{app}/log-sessions", status_code=201)
def create(app: UsableApp, opened: Opened, wanted: Create | None = None) -> answers.LogSession:
    """A URL that streams the app's last lines, and with `tail` those to come."""
    from hokku.logplex import sessions  # here: the API starts without Redis

    wanted = wanted or Create()
    process = wanted.dyno or wanted.dyno_name or wanted.ps or wanted.type
    if process is not None and not _PROCESS.fullmatch(process):
        raise InvalidParams(f"{process[:140]!r} is not a dyno or a process type. Use web.1 or web.")
    if wanted.source is not None and not _SOURCE.fullmatch(wanted.source):
        raise InvalidParams(f"{wanted.source[:70]!r} is not a source of lines. Use app or heroku.")
    lines = 100 if wanted.lines is None else max(0, min(wanted.lines, MOST))
    try:
        url = sessions.create(app.id, process=process, source=wanted.source, lines=lines, tail=bool(wanted.tail))
    except RedisError:
        raise Unavailable("The logplex does not answer. Try again in a moment.") from None
    moment = at(now())
    return {"id": str(uuid.uuid4()), "logplex_url": url, "created_at": moment, "updated_at": moment}
