"""What a reader of a log session gets: the last lines, and the coming ones as they come. SSE or plain text."""

from __future__ import annotations

import asyncio
import logging
import re
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass

from redis import RedisError
from redis.asyncio import Redis
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route

from hokku.logplex import sessions
from hokku.logplex.lines import Line, timestamp
from hokku.logplex.redis import HISTORY, client, stream
from hokku.store.tables import now

_log = logging.getLogger(__name__)
# How long, in ms, a client waits before it comes again: longer than a restart of this service, for the CLI (v8) gives
# up when it is refused.
RETRY = b"retry: 6000\n\n"
KEEPALIVE_SECONDS = 30  # clients give up after 300 s without a byte
_READ = 500  # lines at a time
_LOOK_SECONDS = 2  # how often an idle tail looks whether it shall end
_PATIENCE_SECONDS = 60  # how long a tail waits for a Redis that is away


@dataclass(frozen=True)
class Entry:
    """A line and its number in the application's stream; number 0 is none of the stream's."""

    number: int
    line: Line


def as_event(entry: Entry) -> bytes:
    """A server-sent event. A carriage return inside of a line would end a field: it begins another data line."""
    parts = re.split(r"\r\n|\r|\n", str(entry.line))
    start = [f"id: {entry.number}"] if entry.number else []
    return "\n".join([*start, *(f"data: {part}" for part in parts), "", ""]).encode("utf-8", "replace")


def as_text(entry: Entry) -> bytes:
    """A line of plain text."""
    return f"{entry.line}\n".encode("utf-8", "replace")


def entry_of(number: bytes, fields: dict[bytes, bytes]) -> Entry:
    """What Redis gave, as an entry."""
    t, s, p, m = (fields.get(key, b"").decode("utf-8", "replace") for key in (b"t", b"s", b"p", b"m"))
    return Entry(int(number.split(b"-")[0]), Line(t, s, p, m))


def newest_number(app_id: object) -> int:
    """The number of the application's newest line, 0 when there is none; raises redis.RedisError."""
    found = client().xrevrange(stream(str(app_id)), count=1)
    return entry_of(*found[0]).number if found else 0


async def past(redis: Redis, wanted: sessions.Session) -> tuple[list[Entry], int]:
    """The last `lines` lines that the session wants, oldest first, and the number of the stream's newest line."""
    newest_first = [entry_of(*found) for found in await redis.xrevrange(stream(wanted.app), count=HISTORY)]
    taken = [entry for entry in newest_first if wanted.filter.takes(entry.line)][: wanted.lines]
    return taken[::-1], newest_first[0].number if newest_first else 0


async def after(redis: Redis, wanted: sessions.Session, last: int) -> AsyncIterator[Entry | None]:
    """Lines after number `last` as they come; None when nothing came for two seconds.

    Lines that were cut off before they could be read are counted in a line of their own (Heroku's L11). Redis being
    away is waited out for a minute; when it comes back without the stream, its numbers start anew.
    """
    key, away_since = stream(wanted.app), None
    while True:
        try:
            found = await redis.xread({key: f"{last}-0"}, count=_READ, block=_LOOK_SECONDS * 1000)
            if not found and last:
                newest = await redis.xrevrange(key, count=1)
                last = last if newest and entry_of(*newest[0]).number >= last else 0
            away_since = None
        except RedisError as error:
            away_since = away_since or time.monotonic()
            if time.monotonic() - away_since > _PATIENCE_SECONDS:
                raise
            _log.info("a tail waits for Redis: %s", error)
            await asyncio.sleep(0.5)
            found = []
        if not found:
            yield None
        for number, fields in found[0][1] if found else ():
            entry = entry_of(number, fields)
            if entry.number > last + 1:
                yield _overflow(entry.number - last - 1)
            last = entry.number
            if wanted.filter.takes(entry.line):
                yield entry


def _overflow(lost: int) -> Entry:
    said = f"Error L11 (Tail buffer overflow): {lost} messages dropped, this reader was too slow."
    return Entry(0, Line(timestamp(now()), "heroku", "logplex", said))


async def entries(redis: Redis, wanted: sessions.Session, resume: int | None) -> AsyncIterator[Entry | None]:
    """All that a reader gets. `resume` is the number of the last line it had: everything after that follows."""
    history, newest = await past(redis, wanted)
    if resume is not None and resume <= newest:
        kept, _ = await past(redis, sessions.Session(wanted.app, lines=HISTORY))
        if kept and kept[0].number > resume + 1:
            yield _overflow(kept[0].number - resume - 1)
        history = [entry for entry in kept if entry.number > resume and wanted.filter.takes(entry.line)]
        newest = kept[-1].number if kept else newest
    for entry in history:
        yield entry
    if wanted.tail:
        async for entry in after(redis, wanted, newest):
            yield entry


async def body(found: AsyncIterator[Entry | None], sse: bool, ended: Callable[[], bool]) -> AsyncIterator[bytes]:
    """The bytes of the answer, with signs of life between lines; its end is clean, so that clients come again."""
    spoke = time.monotonic()
    if sse:
        yield RETRY
    try:
        async for entry in found:
            if entry is not None:
                yield as_event(entry) if sse else as_text(entry)
                spoke = time.monotonic()
            elif sse and time.monotonic() - spoke >= KEEPALIVE_SECONDS - _LOOK_SECONDS:
                yield b": keepalive\n\n"
                spoke = time.monotonic()
            if ended():
                return
    except RedisError as error:
        _log.warning("a stream ends: %s", error)


def application(redis: Redis, ending: Callable[[], bool] = lambda: False) -> Starlette:
    """The service: GET /streams/SECRET, where the secret alone opens the stream, and GET /health.

    A tail ends when its session does (an hour after it was first connected) or `ending` says so.
    """

    async def read(request: Request) -> Response:
        secret = request.path_params["secret"]
        try:
            wanted = await sessions.connect(redis, secret)
            ends = time.monotonic() + await sessions.seconds_left(redis, secret)
        except RedisError as error:
            _log.warning("no stream: %s", error)
            return PlainTextResponse("The logplex is not available, try again in a minute.\n", 503)
        if wanted is None:
            return PlainTextResponse("This log session does not exist or has ended: ask for a new one.\n", 404)
        sse = "text/event-stream" in request.headers.get("accept", "")
        given = request.headers.get("last-event-id", "")
        resume = int(given) if re.fullmatch(r"[0-9]{1,15}", given) else None
        return StreamingResponse(
            body(entries(redis, wanted, resume), sse, lambda: wanted.tail and (ending() or time.monotonic() > ends)),
            media_type="text/event-stream" if sse else "text/plain",
            headers={"Cache-Control": "no-cache", "X-Accel-Buffering": "no"},
        )

    async def health(_: Request) -> Response:
        try:
            await redis.ping()
        except RedisError:
            return PlainTextResponse("Redis is away\n", 503)
        return PlainTextResponse("ok\n")

    return Starlette(routes=[Route("/streams/{secret}", read), Route("/health", health)])
