"""A client of one WebSocket of LXD, for asyncio: each way waits for the other side, and keeps little."""

from __future__ import annotations

import asyncio

from hokku.manifold import websocket
from hokku.manifold.websocket import BINARY, CLOSE, GOOD_BYE, PING, PONG, TEXT, Where

_KEEP = 64 * 1024  # bytes kept each way
_PATIENCE = 10.0  # seconds until it is open


class WebSocket:
    """An open WebSocket. Raises OSError when it breaks."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer
        self._part = bytearray()  # of the frame that is coming

    @classmethod
    async def open(cls, where: Where, resource: str) -> WebSocket:
        """Connect and upgrade."""
        async with asyncio.timeout(_PATIENCE):
            reader, writer = await asyncio.open_connection(
                where.address, where.port, ssl=where.context, server_hostname=where.name, limit=_KEEP
            )
            made = cls(reader, writer)
            try:
                await made._upgrade(where, resource)
            except BaseException:
                writer.transport.abort()
                raise
        writer.transport.set_write_buffer_limits(high=_KEEP)
        websocket.keep_alive(writer.get_extra_info("socket"))
        return made

    async def receive(self) -> bytes:
        """The next bytes; b"" at LXD's end of output (an empty text message) and when the other side closes."""
        while True:
            kind, payload = await self._frame()
            if kind == PING:
                await self._send(PONG, payload)
            elif kind == CLOSE or (kind == TEXT and not payload):
                return b""
            elif kind != PONG and payload:
                return payload

    async def send(self, data: bytes) -> None:
        """Send bytes; returns when little is left to be sent."""
        await self._send(BINARY, data)

    async def say(self, text: str) -> None:
        """Send a text message; an empty one is LXD's end of input."""
        await self._send(TEXT, text.encode())

    async def close(self) -> None:
        """Say that nothing more will come from here, and hang up. Once is enough."""
        if self._writer.is_closing():
            return
        try:
            async with asyncio.timeout(1):
                await self._send(CLOSE, GOOD_BYE)
        except (OSError, TimeoutError):
            pass
        self._writer.close()

    def abort(self) -> None:
        """Hang up without a word."""
        self._writer.transport.abort()

    async def _upgrade(self, where: Where, resource: str) -> None:
        self._writer.write(websocket.upgrade(where, resource))
        status = await self._reader.readline()
        while await self._reader.readline() not in (b"\r\n", b""):
            pass
        websocket.must_be_open(status)

    async def _frame(self) -> tuple[int, bytes]:
        """The next frame. May be cancelled: what came already is kept."""
        while (missing := websocket.wanted(self._part) - len(self._part)) > 0:
            data = await self._reader.read(missing)
            if not data:
                raise ConnectionError("LXD hung up")
            self._part += data
        frame = websocket.read(self._part)
        self._part.clear()
        return frame

    async def _send(self, kind: int, payload: bytes) -> None:
        self._writer.write(websocket.write(kind, payload))
        await self._writer.drain()
