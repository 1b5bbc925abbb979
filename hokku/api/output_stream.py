"""An output that grows, as a stream: plain text that goes on until it is done, or server-sent events.

`Range: bytes=N-` leaves out the first N bytes of the text, `Last-Event-ID: N` those that were seen as events. In plain
text NUL bytes are heartbeats and do not count (Heroku); among events comments are.
"""

from __future__ import annotations

import asyncio
import re
import uuid
from collections.abc import AsyncIterator, Callable

from fastapi import Request
from fastapi.responses import Response, StreamingResponse
from starlette.concurrency import run_in_threadpool

from hokku.steady import surviving
from hokku.store.engine import BUILD, RELEASE, hear

_LOOK_AGAIN = 1.0  # seconds, should a notification be lost
_HEARTBEAT = 20.0  # seconds without output after which a sign of life is sent, so that no proxy gives up
_FROM = re.compile(r"bytes=(\d{1,12})-")
_LINE_END = re.compile(r"\r\n|\r|\n")

Read = Callable[[int], tuple[int, str, bool]]  # chunks after that one: the newest one's number, the text, whether done


class Listener:
    """Wakes the streams of this process when the database says that an output grew. Losing it costs a second."""

    def __init__(self) -> None:
        self._waiting: dict[str, set[asyncio.Event]] = {}

    async def run(self) -> None:
        """Listen until cancelled, connecting anew when the database went away."""
        while True:
            with surviving("listening for outputs"):
                async for note in hear((BUILD, RELEASE)):
                    for event in tuple(self._waiting.get(note.payload, ())) if note is not None else ():
                        event.set()
            await asyncio.sleep(_LOOK_AGAIN)

    async def wait(self, identity: uuid.UUID, event: asyncio.Event) -> None:
        """Until `event` is set by a notification of that build or release, at most a second."""
        waiting = self._waiting.setdefault(str(identity), set())
        waiting.add(event)
        try:
            async with asyncio.timeout(_LOOK_AGAIN):
                await event.wait()
        except TimeoutError:
            pass
        finally:
            waiting.discard(event)
            if not waiting:
                self._waiting.pop(str(identity), None)
            event.clear()


listener = Listener()


def answer(request: Request, identity: uuid.UUID, read: Read) -> Response:
    """The output of the build or release `identity`, in the form that the request asks for."""
    headers = {"Cache-Control": "no-cache", "X-Accel-Buffering": "no"}
    if "text/event-stream" in request.headers.get("accept", ""):
        last = request.headers.get("last-event-id", "")
        skip = int(last) if last.isascii() and last.isdigit() and len(last) < 13 else 0
        return StreamingResponse(_events(identity, read, skip), 200, headers, media_type="text/event-stream")
    found = _FROM.fullmatch(request.headers.get("range", ""))
    status, skip = (206, int(found[1])) if found else (200, 0)
    return StreamingResponse(_text(identity, read, skip), status, headers, media_type="text/plain; charset=utf-8")


async def _text(identity: uuid.UUID, read: Read, skip: int) -> AsyncIterator[bytes]:
    async for said in _follow(identity, read):
        left = said[skip:]
        skip = max(0, skip - len(said))
        if left or not said:
            yield left or b"\0"


async def _events(identity: uuid.UUID, read: Read, skip: int) -> AsyncIterator[bytes]:
    at = 0
    async for said in _follow(identity, read):
        fresh = said[max(0, skip - at) :]
        at += len(said)
        if fresh:
            yield event(at, fresh.decode("utf-8", "replace"))
        elif not said:
            yield b": keepalive\n\n"
    yield b"event: eof\ndata: {}\n\n"


def event(at: int, text: str) -> bytes:
    """One event: its id is how many bytes of the output were told with it. Every line end becomes a plain one."""
    lines = "".join(f"data: {line}\n" for line in _LINE_END.split(text))
    return f"id: {at}\n{lines}\n".encode()


async def _follow(identity: uuid.UUID, read: Read) -> AsyncIterator[bytes]:
    """The output in pieces as they come, until it is done; an empty piece after a long silence."""
    woken, last, silent = asyncio.Event(), 0, 0.0
    while True:
        last, text, done = await run_in_threadpool(read, last)
        if text:
            silent = 0.0
            yield text.encode()
        if done:
            return
        before = asyncio.get_running_loop().time()
        await listener.wait(identity, woken)
        silent += asyncio.get_running_loop().time() - before
        if silent >= _HEARTBEAT:
            silent = 0.0
            yield b""
