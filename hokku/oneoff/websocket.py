"""A client of one WebSocket (RFC 6455) of LXD, for asyncio: each way waits for the other side, and keeps little."""

from __future__ import annotations

import asyncio
import base64
import os
import socket
import ssl
import struct
from dataclasses import dataclass

CONTINUED, TEXT, BINARY, CLOSE, PING, PONG = 0x0, 0x1, 0x2, 0x8, 0x9, 0xA
_MOST = 16 * 1024 * 1024  # bytes of one frame
_KEEP = 64 * 1024  # bytes kept each way
_PATIENCE = 10.0  # seconds until it is open
_ALIVE = ((socket.TCP_KEEPIDLE, 15), (socket.TCP_KEEPINTVL, 5), (socket.TCP_KEEPCNT, 3))


@dataclass(frozen=True)
class Where:
    """A member of the cluster, as a WebSocket finds it: `name` stands in its certificate."""

    address: str
    port: int
    context: ssl.SSLContext
    name: str


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
        plain = writer.get_extra_info("socket")
        plain.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        for option, value in _ALIVE:
            plain.setsockopt(socket.IPPROTO_TCP, option, value)
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
                await self._send(CLOSE, struct.pack("!H", 1000))
        except (OSError, TimeoutError):
            pass
        self._writer.close()

    def abort(self) -> None:
        """Hang up without a word."""
        self._writer.transport.abort()

    async def _upgrade(self, where: Where, resource: str) -> None:
        key = base64.b64encode(os.urandom(16)).decode()
        lines = (
            f"GET {resource} HTTP/1.1", f"Host: {where.address}:{where.port}", "Connection: Upgrade",
            "Upgrade: websocket", "Sec-WebSocket-Version: 13", f"Sec-WebSocket-Key: {key}", "", "",
        )  # fmt: skip
        self._writer.write("\r\n".join(lines).encode())
        status = await self._reader.readline()
        while await self._reader.readline() not in (b"\r\n", b""):
            pass
        if b" 101 " not in status:
            raise ConnectionError(f"LXD did not open the stream: {status.decode('latin-1').strip()}")

    async def _frame(self) -> tuple[int, bytes]:
        head = 2
        await self._have(head)
        size = self._part[1] & 0x7F
        if size >= 126:
            head += 2 if size == 126 else 8
            await self._have(head)
            size = int.from_bytes(self._part[2:head], "big")
        if size > _MOST:
            raise ConnectionError(f"LXD sent a frame of {size} bytes")
        await self._have(head + size)
        kind, payload = self._part[0] & 0x0F, bytes(self._part[head:])
        self._part.clear()
        return kind, payload

    async def _have(self, size: int) -> None:
        """So much of the frame is there. May be cancelled: what came already is kept."""
        while (missing := size - len(self._part)) > 0:
            data = await self._reader.read(missing)
            if not data:
                raise ConnectionError("LXD hung up")
            self._part += data

    async def _send(self, kind: int, payload: bytes) -> None:
        size = len(payload)
        if size < 126:
            head = struct.pack("!BB", 0x80 | kind, 0x80 | size)
        elif size < 1 << 16:
            head = struct.pack("!BBH", 0x80 | kind, 0x80 | 126, size)
        else:
            head = struct.pack("!BBQ", 0x80 | kind, 0x80 | 127, size)
        mask = os.urandom(4)
        key = (mask * (size // 4 + 1))[:size]
        masked = (int.from_bytes(payload, "big") ^ int.from_bytes(key, "big")).to_bytes(size, "big")
        self._writer.write(head + mask + masked)
        await self._writer.drain()
