"""One end of an HTTP/1.1 connection: h11 over asyncio's streams."""

from __future__ import annotations

import asyncio
import ssl
from typing import Any

import h11

_CHUNK = 64 * 1024  # bytes read at once
_HEAD = 128 * 1024  # bytes that a head may have: the CLI's Request-Id alone grows to 7 KB


class Peer:
    """Events come out of `next_event`, and go in by `send`, which waits while the other end is slow to read."""

    def __init__(self, role: type[h11.CLIENT] | type[h11.SERVER], reader: asyncio.StreamReader, writer: Any) -> None:
        self.http = h11.Connection(role, max_incomplete_event_size=_HEAD)
        self.reader, self.writer = reader, writer

    async def next_event(self) -> Any:
        """The next h11 event; raises h11.RemoteProtocolError when the other end breaks off or off the protocol."""
        while True:
            event = self.http.next_event()
            if event is not h11.NEED_DATA:
                return event
            if self.http.they_are_waiting_for_100_continue:
                await self.send(h11.InformationalResponse(status_code=100, headers=[]))
            self.http.receive_data(await self.reader.read(_CHUNK))

    async def send(self, event: Any) -> None:
        """Send the event."""
        data = self.http.send(event)
        if data:
            self.writer.write(data)
            await self.writer.drain()

    async def hung_up(self) -> bool:
        """Wait for what comes unasked: True when the other end closed, False when it sent its next request."""
        data = await self.reader.read(_CHUNK)
        self.http.receive_data(data)
        return not data

    @property
    def done(self) -> bool:
        """Whether one exchange is over on both sides and another may follow."""
        return self.http.our_state is h11.DONE and self.http.their_state is h11.DONE

    def close(self) -> None:
        """Close at once; what was not sent is thrown away."""
        self.writer.transport.abort()


class Pool:
    """Connections to the platform, and those of them that wait for a next request."""

    def __init__(self, context: ssl.SSLContext) -> None:
        self._context = context
        self._idle: dict[tuple[str, int], list[Peer]] = {}

    async def open(self, origin: tuple[str, int]) -> Peer:
        """A new connection; raises OSError (ssl.SSLError among them) when there is none to be had."""
        host, port = origin
        async with asyncio.timeout(30):
            reader, writer = await asyncio.open_connection(
                host, port, ssl=self._context, server_hostname=host, limit=_CHUNK
            )
        return Peer(h11.CLIENT, reader, writer)

    def idle(self, origin: tuple[str, int]) -> Peer | None:
        """A connection that waits, if there is one."""
        waiting = self._idle.get(origin, [])
        while waiting:
            peer = waiting.pop()
            if not peer.reader.at_eof() and not peer.writer.is_closing():
                return peer
            peer.close()
        return None

    def give_back(self, origin: tuple[str, int], peer: Peer) -> None:
        """Keep the connection for another request, or close it when it can have none."""
        if peer.done:
            peer.http.start_next_cycle()
            self._idle.setdefault(origin, []).append(peer)
        else:
            peer.close()
