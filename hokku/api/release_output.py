"""What a release's command says, as it comes. The URL carries a signature of the release's id and needs no token."""

from __future__ import annotations

import asyncio
import uuid
from functools import partial

from fastapi import APIRouter, Request, Response
from fastapi.responses import PlainTextResponse
from starlette.concurrency import run_in_threadpool

from hokku.api import output_stream
from hokku.api.signed import fits, sign
from hokku.errors import NotFound
from hokku.settings import settings
from hokku.store import phases
from hokku.store.engine import session
from hokku.store.phases import PhaseStatus

router = APIRouter()
_PATIENCE = 5.0  # seconds: the CLI comes at once, and gives up when the command has not been started


def url_of(release_id: uuid.UUID) -> str:
    """Where the output of the release's command streams."""
    return f"{settings().public_url}/releases/{release_id}/output/{sign('release', release_id)}"


@router.get(
    "/releases/{release}/output/{signature}",
    response_class=PlainTextResponse,
    responses={206: {"description": "The rest"}},
)
async def stream(release: uuid.UUID, signature: str, request: Request) -> Response:
    """Everything the release command has said and says, until it is over; 404 while it has not been started."""
    if not fits(signature, "release", release):
        raise NotFound("Couldn't find that release.", "release")
    woken, loop = asyncio.Event(), asyncio.get_running_loop()
    deadline = loop.time() + _PATIENCE
    while not await run_in_threadpool(_started, release):
        if loop.time() > deadline:
            raise NotFound("The release command has not been started yet. Try again in a few seconds.", "release")
        await output_stream.listener.wait(release, woken)
    return output_stream.answer(request, release, partial(_read, release))


def _started(release_id: uuid.UUID) -> bool:
    with session() as opened:
        found = phases.of(opened, release_id)
    if found is None:
        raise NotFound("This release has no release command.", "release")
    return found.status is not PhaseStatus.WAITING


def _read(release_id: uuid.UUID, last: int) -> tuple[int, str, bool]:
    """What came after chunk `last`: the newest chunk's number, the text, and whether nothing more will come."""
    with session() as opened:
        found = phases.of(opened, release_id)  # first, so that nothing that was said before its end is missed
        done = found is None or found.ended_at is not None
        newest, text = phases.output_after(opened, release_id, last)
    return newest, text, done
