"""Bytes between a client and a command, both ways at once, each as fast as its slower side.

https://devcenter.heroku.com/articles/one-off-dynos: an hour without a byte ends the connection. A client whose input is
no terminal says its end with the byte 0x04; that is taken for an end only when nothing follows it, so that a file with
such bytes comes through whole. What follows may be late: a file is sent in blocks, so such a byte at the end of a block
is waited on for longer than one that makes the count of bytes uneven.
"""

from __future__ import annotations

import asyncio
import contextlib
import enum
from collections.abc import Awaitable
from typing import Protocol

SILENCE = 3600.0  # seconds
END = b"\x04"
END_PAUSE = 0.3  # seconds without a byte after 0x04 that make it the end of input
BLOCK_PAUSE = 5.0  # the same, where 0x04 was the last byte of a block
_BLOCK = 512  # bytes; what programs write, and the records of TLS, are multiples of it
_LOOKS = 3  # times that such a pause is looked at: a service that was held up itself sees first what came meanwhile
_CHUNK = 32 * 1024


class Command(Protocol):
    """What of an execution is needed here."""

    async def read(self) -> bytes: ...

    async def write(self, data: bytes) -> None: ...

    async def end_input(self) -> None: ...


class Outcome(enum.Enum):
    """OVER: the command has ended, and the client has all its output. GONE: the client is. SILENT: an hour long."""

    OVER = "over"
    GONE = "gone"
    SILENT = "silent"


class Bridge:
    """Between one client and one command. `first`: what the client had sent already."""

    def __init__(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        command: Command,
        *,
        tty: bool,
        first: bytes = b"",
        silence: float = SILENCE,
    ) -> None:
        self._reader, self._writer, self._command = reader, writer, command
        self._tty, self._first, self._silence = tty, first, silence
        self._moved_at = 0.0
        self._came = len(first)  # bytes from the client

    async def run(self) -> Outcome:
        """Until one of the sides ends it. Raises what the command's side raises."""
        self._move()
        tasks = {
            asyncio.create_task(self._down()): Outcome.OVER,
            asyncio.create_task(self._up()): Outcome.GONE,
            asyncio.create_task(self._watch()): Outcome.SILENT,
        }
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        first = min(done, key=lambda task: list(tasks).index(task))
        try:
            first.result()
        except _ClientLost:
            return Outcome.GONE
        return tasks[first]

    def _move(self) -> None:
        self._moved_at = asyncio.get_running_loop().time()

    async def _down(self) -> None:
        while data := await self._command.read():
            self._move()
            await self._tell(data)
        await self._tell(b"")

    async def _tell(self, data: bytes) -> None:
        try:
            if data:
                self._writer.write(data)
            await self._writer.drain()
        except OSError:
            raise _ClientLost from None
        self._move()

    async def _up(self) -> None:
        pending, ended = self._first, False
        while True:
            if not self._tty and not ended:
                held = END if pending.endswith(END) else b""
                pending = pending.removesuffix(END)
            else:
                held = b""
            if pending and not ended:
                ended = not await self._give(self._command.write(pending))
            try:
                data = await self._after_end() if held else await self._reader.read(_CHUNK)
            except OSError:
                return
            if data is None:
                ended, pending = True, b""
                await self._give(self._command.end_input())
                continue
            if not data:
                return
            self._move()
            self._came += len(data)
            pending = held + data

    async def _after_end(self) -> bytes | None:
        """What follows a byte that may be the end; None if nothing does."""
        pause = END_PAUSE if self._came % _BLOCK else BLOCK_PAUSE
        for _ in range(_LOOKS):
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(pause / _LOOKS):
                    return await self._reader.read(_CHUNK)
        return None

    async def _give(self, giving: Awaitable[None]) -> bool:
        """Whether the command took it. One that takes no input any more may still have output."""
        try:
            await giving
        except OSError:
            return False
        return True

    async def _watch(self) -> None:
        loop = asyncio.get_running_loop()
        while (left := self._moved_at + self._silence - loop.time()) > 0:
            await asyncio.sleep(left)


class _ClientLost(Exception):
    """Nothing can be written to the client any more."""
