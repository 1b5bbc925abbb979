"""A build's output as it comes. The URL carries a signature of the build's id and needs no token (Heroku)."""

from __future__ import annotations

import uuid
from datetime import timedelta
from functools import partial

from fastapi import APIRouter, Request, Response
from fastapi.responses import PlainTextResponse

from hokku.api import output_stream
from hokku.api.signed import fits, sign
from hokku.errors import NotFound
from hokku.settings import settings
from hokku.store import builds
from hokku.store.engine import session
from hokku.store.tables import Build, BuildStatus, now

router = APIRouter()
_FORGOTTEN = timedelta(seconds=60)


def url_of(build_id: uuid.UUID) -> str:
    """Where the output of the build streams."""
    return f"{settings().public_url}/builds/{build_id}/output/{sign('build', build_id)}"


@router.get(
    "/builds/{build}/output/{signature}", response_class=PlainTextResponse, responses={206: {"description": "The rest"}}
)
async def stream(build: uuid.UUID, signature: str, request: Request) -> Response:
    """Everything the build has said and says, until it is done."""
    if not fits(signature, "build", build):
        raise NotFound("Couldn't find that build.", "build")
    return output_stream.answer(request, build, partial(_read, build))


def _forgotten(build: Build) -> bool:
    """Whether the build is over and its builder was killed before it could say so."""
    return build.status is not BuildStatus.PENDING and build.updated_at < now() - _FORGOTTEN


def _read(build_id: uuid.UUID, last: int) -> tuple[int, str, bool]:
    """What came after chunk `last`: the newest chunk's number, the text, and whether nothing more will come."""
    with session() as opened:
        build = opened.get(Build, build_id)  # first, so that output written before `output_done` is not missed
        done = build is None or build.output_done or _forgotten(build)
        newest, text = builds.output_after(opened, build_id, last)
    return newest, text, done
