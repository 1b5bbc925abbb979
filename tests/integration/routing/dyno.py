"""Web dynos for tests: tiny HTTP servers on loopback addresses that say who they are."""

from __future__ import annotations

import asyncio
import threading
import uuid
from collections import Counter

from hokku.routing import Endpoint


class Dynos:
    """Servers in one thread. Each answers `NAME` with its mark; the path says how: /slow, /hang, /close, /stall."""

    def __init__(self) -> None:
        self.loop = asyncio.new_event_loop()
        self.served: Counter[str] = Counter()
        self.heads: list[str] = []
        self.release = threading.Event()
        self._servers: dict[tuple[str, int], asyncio.Server] = {}
        self._connections: dict[tuple[str, int], set[asyncio.StreamWriter]] = {}
        self._thread = threading.Thread(target=self.loop.run_forever, daemon=True)
        self._thread.start()
        self._number = 0

    def start(self, name: str, mark: str, *, address: str | None = None, port: int = 0) -> Endpoint:
        """A dyno that listens; on an address of its own unless told which."""
        self._number += 1
        address = address or f"127.0.3.{self._number}"
        return asyncio.run_coroutine_threadsafe(self._start(name, mark, address, port), self.loop).result(5)

    def stop(self, endpoint: Endpoint) -> None:
        """The dyno is gone: its port refuses, its connections are closed."""
        asyncio.run_coroutine_threadsafe(self._stop(endpoint.place), self.loop).result(5)

    def close(self) -> None:
        """All are gone."""
        self.release.set()
        for place in list(self._servers):
            asyncio.run_coroutine_threadsafe(self._stop(place), self.loop).result(5)
        self.loop.call_soon_threadsafe(self.loop.stop)
        self._thread.join(5)

    async def _start(self, name: str, mark: str, address: str, port: int) -> Endpoint:
        connections: set[asyncio.StreamWriter] = set()

        async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            connections.add(writer)
            try:
                while await self._answer(reader, writer, mark):
                    pass
            except (OSError, asyncio.IncompleteReadError):
                pass
            finally:
                connections.discard(writer)
                writer.close()

        server = await asyncio.start_server(talk, address, port, backlog=512)
        place = server.sockets[0].getsockname()[:2]
        self._servers[place], self._connections[place] = server, connections
        return Endpoint(uuid.uuid4(), name, "host1", *place)

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, mark: str) -> bool:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        path = head.split(" ", 2)[1]
        self.heads = [*self.heads[-50:], head]
        if path.startswith("/close"):
            return False
        if path.startswith("/slow"):
            await asyncio.to_thread(self.release.wait, 10)
        if path.startswith("/hang"):
            await asyncio.sleep(30)
        if path.startswith("/own503"):
            writer.write(b"HTTP/1.1 503 Mine\r\nContent-Length: 4\r\n\r\nmine")
            return True
        self.served[mark] += 1
        body = mark.encode()
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body))
        await writer.drain()
        return True

    async def _stop(self, place: tuple[str, int]) -> None:
        self._servers.pop(place).close()
        for writer in self._connections.pop(place):
            writer.transport.abort()
