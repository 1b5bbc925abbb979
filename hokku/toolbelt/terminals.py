"""Terminals through the listener: rendezvous over TLS on loopback, with a certificate made for this run."""

from __future__ import annotations

import asyncio
import ssl
from urllib.parse import urlsplit

_FIRST_LINE = 30.0  # seconds that a client has to send its secret
_CHUNK = 64 * 1024  # bytes


class Terminals:
    """Those that the platform offered in this run: who brings the secret of one is connected to it."""

    def __init__(self, port: int, trusted: ssl.SSLContext) -> None:
        self._port, self._trusted = port, trusted
        self._offered: dict[bytes, tuple[str, int]] = {}

    def carry(self, url: str) -> str:
        """The listener's URL for a rendezvous; the secret is the platform's own."""
        parts = urlsplit(url)
        secret = parts.path.lstrip("/") + (f"?{parts.query}" if parts.query else "")
        self._offered[secret.encode()] = (parts.hostname or "", parts.port or 443)
        return f"rendezvous://127.0.0.1:{self._port}/{secret}"

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection: its secret on the first line, then bytes both ways."""
        upstream = None
        try:
            async with asyncio.timeout(_FIRST_LINE):
                line = await reader.readline()
            origin = self._offered.get(line.strip())
            if origin is None:
                return
            back, upstream = await asyncio.open_connection(
                *origin, ssl=self._trusted, server_hostname=origin[0], limit=_CHUNK
            )
            upstream.write(line)
            await upstream.drain()
            # The CLI throws away the first record it gets, so nothing else may be in it.
            writer.write(await back.readline())
            await writer.drain()
            await _bridge((reader, upstream), (back, writer))
        except (OSError, ValueError, asyncio.CancelledError):  # the last at the run's end: asyncio would complain of it
            pass
        finally:
            for end in (writer, upstream):
                if end is not None:
                    end.close()


async def _bridge(*ways: tuple[asyncio.StreamReader, asyncio.StreamWriter]) -> None:
    """Copy until one way ends; a slow reader slows the other end down."""
    copying = {asyncio.create_task(_copy(*way)) for way in ways}
    _, left = await asyncio.wait(copying, return_when=asyncio.FIRST_COMPLETED)
    for task in left:
        task.cancel()
    await asyncio.gather(*left, return_exceptions=True)


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(_CHUNK):
        writer.write(data)
        await writer.drain()
