"""A build's output as it comes. The URL carries a signature of the build's id and needs no token (Heroku)."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import logging
import re
import uuid
from collections.abc import AsyncIterator
from datetime import timedelta
from functools import cache

import psycopg
from fastapi import APIRouter, Request
from fastapi.responses import StreamingResponse
from starlette.concurrency import run_in_threadpool

from hokku.errors import NotFound
from hokku.settings import settings
from hokku.store import builds
from hokku.store.engine import BUILD, engine, session
from hokku.store.tables import Build, BuildStatus, now

router = APIRouter()
log = logging.getLogger(__name__)
_LOOK_AGAIN = 1.0  # seconds, should a notification be lost
_HEARTBEAT = 20.0  # seconds without output after which a NUL is sent, as Heroku does, so that no proxy gives up


@cache
def _key() -> bytes:
    first = settings().config_key_file.read_text().split()[0]
    return hashlib.sha256(b"hokku build output\0" + first.encode()).digest()


def _signature(build_id: uuid.UUID) -> str:
    return hmac.new(_key(), build_id.bytes, hashlib.sha256).hexdigest()


def url_of(build_id: uuid.UUID) -> str:
    """Where the output of the build streams."""
    return f"{settings().public_url}/builds/{build_id}/output/{_signature(build_id)}"


_FORGOTTEN = timedelta(seconds=60)
_FROM = re.compile(r"bytes=(\d{1,12})-")


class Listener:
    """Wakes the streams of this process when the database says that a build got further. Losing it costs a second."""

    def __init__(self) -> None:
        self._waiting: dict[str, set[asyncio.Event]] = {}

    async def run(self) -> None:
        """Listen until cancelled, connecting anew when the database went away."""
        url = engine().url.set(drivername="postgresql").render_as_string(hide_password=False)
        while True:
            try:
                async with await psycopg.AsyncConnection.connect(url, autocommit=True) as connection:
                    await connection.execute(f"LISTEN {BUILD}")
                    async for note in connection.notifies():
                        for event in self._waiting.get(note.payload, ()):
                            event.set()
            except psycopg.Error as error:
                log.warning("listening for builds: %s", str(error).splitlines()[0])
                await asyncio.sleep(_LOOK_AGAIN)

    async def wait(self, build_id: uuid.UUID, event: asyncio.Event) -> None:
        """Until `event` is set by a notification of the build, at most a second."""
        waiting = self._waiting.setdefault(str(build_id), set())
        waiting.add(event)
        try:
            async with asyncio.timeout(_LOOK_AGAIN):
                await event.wait()
        except TimeoutError:
            pass
        finally:
            waiting.discard(event)
            if not waiting:
                self._waiting.pop(str(build_id), None)
            event.clear()


listener = Listener()


@router.get("/builds/{build}/output/{signature}")
async def stream(build: uuid.UUID, signature: str, request: Request) -> StreamingResponse:
    """Everything the build has said and says, until it is done; `Range: bytes=N-` leaves out the first N bytes.

    NUL bytes are heartbeats and do not count.
    """
    if not hmac.compare_digest(signature.encode(), _signature(build).encode()):
        raise NotFound("Couldn't find that build.", "build")
    headers = {"Cache-Control": "no-cache", "X-Accel-Buffering": "no"}
    found = _FROM.fullmatch(request.headers.get("range", ""))
    status, skip = (206, int(found[1])) if found else (200, 0)
    return StreamingResponse(_follow(build, skip), status, headers, media_type="text/plain; charset=utf-8")


async def _follow(build_id: uuid.UUID, skip: int = 0) -> AsyncIterator[bytes]:
    event, last, silent = asyncio.Event(), 0, 0.0
    while True:
        last, text, done = await run_in_threadpool(_read, build_id, last)
        said = text.encode()
        skip, said = max(0, skip - len(said)), said[skip:]
        if said:
            silent = 0.0
            yield said
        if done:
            return
        before = asyncio.get_running_loop().time()
        await listener.wait(build_id, event)
        silent += asyncio.get_running_loop().time() - before
        if silent >= _HEARTBEAT:
            silent = 0.0
            yield b"\0"


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
