"""How lines get to a receiver: over a TCP connection, plain or TLS, or in POSTs. One connection a drain, kept open."""

from __future__ import annotations

import asyncio
import fcntl
import socket
import ssl
import struct
from collections.abc import Callable
from contextlib import suppress
from typing import Protocol

import anyio
import anyio.abc
from anyio.streams.tls import TLSStream

from hokku import __version__
from hokku.logplex.drains import frames
from hokku.logplex.lines import Line
from hokku.outbound import guard
from hokku.outbound.post import Poster, Unreached
from hokku.outbound.url import Url

CONNECT_SECONDS = 15.0
TAKE_SECONDS = 30.0  # a receiver that did not take a batch within that is away
_OUTGOING = 0x5411  # SIOCOUTQ: bytes that the other side's TCP did not acknowledge yet
_ESTABLISHED = 1


class Away(Exception):
    """The receiver did not take the batch, and may take it later. `certificate` tells what is wrong with its own."""

    def __init__(self, text: str, certificate: str | None = None) -> None:
        super().__init__(text)
        self.certificate = certificate


class Declined(Exception):
    """The receiver answered that it will never take this batch."""


class Way(Protocol):
    """Takes batches. `linger` is how many seconds lines are gathered before they go."""

    linger: float

    async def send(self, lines: list[Line], batch: str) -> None:
        """Return when the receiver has the lines. Raises Away or Declined; `batch` is the same when tried again."""

    async def close(self) -> None:
        """End the connection."""


def way(url: Url, token: str) -> Way:
    """The way to a drain's URL."""
    return Http(url, token) if url.scheme in ("http", "https") else Syslog(url, token)


class Syslog:
    """RFC 5424 over TCP or TLS. A batch is taken when the receiver's TCP has acknowledged all of it.

    Syslog has no acknowledgements of its own: what a receiver that is killed had not read from its socket is gone.
    """

    linger = 0.02

    def __init__(self, url: Url, token: str) -> None:
        self._url, self._token = url, token
        self._stream: anyio.abc.ByteStream | None = None
        self._reader: asyncio.Task[None] | None = None

    async def send(self, lines: list[Line], batch: str) -> None:
        """Write the lines and wait until the receiver's host has them."""
        try:
            if self._stream is None or self._reader.done() or not self._open():
                await self.close()
                await self._connect()
            async with asyncio.timeout(TAKE_SECONDS):
                await self._stream.send(b"".join(frames.syslog(line, self._token) for line in lines))
                await self._acknowledged()
        except ssl.SSLCertVerificationError as error:
            await self.close()
            raise Away("its certificate does not verify", error.verify_message) from None
        except (OSError, anyio.BrokenResourceError, anyio.ClosedResourceError, anyio.EndOfStream) as error:
            await self.close()
            refused = isinstance(error, guard.Refused)
            raise Away(str(error) if refused else type(error).__name__) from None
        except BaseException:
            await self.close()  # cancelled in the middle of a frame
            raise

    async def close(self) -> None:
        """End the connection at once."""
        stream, self._stream = self._stream, None
        if self._reader is not None:
            self._reader.cancel()
            self._reader = None
        if stream is not None:
            with suppress(OSError, anyio.BrokenResourceError, anyio.ClosedResourceError, TimeoutError):
                async with asyncio.timeout(1):
                    await anyio.aclose_forcefully(stream)

    async def _connect(self) -> None:
        stream: anyio.abc.ByteStream = await guard.connect(self._url.host, self._url.port, CONNECT_SECONDS)
        try:
            _socket(stream).setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
            if self._url.scheme == "syslog+tls":
                async with asyncio.timeout(CONNECT_SECONDS):
                    stream = await TLSStream.wrap(
                        stream, hostname=self._url.host, ssl_context=guard.trust("syslog"), standard_compatible=False
                    )
        except BaseException:
            await anyio.aclose_forcefully(stream)
            raise
        self._stream, self._reader = stream, asyncio.create_task(_read_out(stream))

    def _open(self) -> bool:
        return _socket(self._stream).getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 1)[0] == _ESTABLISHED

    async def _acknowledged(self) -> None:
        pause = 0.001
        while True:
            if not self._open():
                raise ConnectionResetError
            if not struct.unpack("i", fcntl.ioctl(_socket(self._stream).fileno(), _OUTGOING, b"\0" * 4))[0]:
                return
            await asyncio.sleep(pause)
            pause = min(pause * 2, 0.1)


def _socket(stream: anyio.abc.ByteStream) -> socket.socket:
    return stream.extra(anyio.abc.SocketAttribute.raw_socket)


async def _read_out(stream: anyio.abc.ByteStream) -> None:
    """Read what a receiver says, which nobody asked for, until it ends the connection."""
    with suppress(OSError, anyio.BrokenResourceError, anyio.ClosedResourceError, anyio.EndOfStream):
        while True:
            await stream.receive(4096)


class Http:
    """POSTs of application/logplex-1 over a connection that is kept alive."""

    linger = 0.2

    def __init__(self, url: Url, token: str) -> None:
        self._url, self._token = url, token
        self._poster = Poster()

    async def send(self, lines: list[Line], batch: str) -> None:
        """POST the lines: 2xx is taken, 4xx but 408 and 429 is declined (Heroku), anything else is away."""
        headers = {
            "Content-Type": "application/logplex-1",
            "Logplex-Msg-Count": str(len(lines)),
            "Logplex-Frame-Id": batch,
            "Logplex-Drain-Token": self._token,
            "User-Agent": f"Logplex/v1 Hokku/{__version__}",
        }
        if self._url.authorization:
            headers["Authorization"] = self._url.authorization
        body = b"".join(frames.http(line) for line in lines)
        try:
            status = await self._poster.post(self._url, headers, body, TAKE_SECONDS)
        except Unreached as error:
            await self.close()
            raise Away(str(error), str(error) if error.kind == "Certificate" else None) from None
        if 400 <= status < 500 and status not in (408, 429):
            raise Declined(f"it answered {status}")
        if not 200 <= status < 300:
            raise Away(f"it answered {status}")

    async def close(self) -> None:
        """End the connection."""
        await self._poster.close()


Ways = Callable[[Url, str], Way]
