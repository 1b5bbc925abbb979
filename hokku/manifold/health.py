"""Whether $PORT of starting web dynos is reachable: one thread probes all of them."""

from __future__ import annotations

import asyncio
import threading
import uuid
from collections.abc import Callable

EVERY = 0.05  # seconds between two tries
PATIENCE = 1.0  # seconds one try may take


class Prober:
    """Calls `reached(dyno id)` once for each watched dyno, from its own thread, when its published port accepts."""

    def __init__(self, reached: Callable[[uuid.UUID], None]) -> None:
        self._reached = reached
        self._tasks: dict[uuid.UUID, asyncio.Task[None]] = {}
        self._loop = asyncio.new_event_loop()
        threading.Thread(target=self._loop.run_forever, name="health", daemon=True).start()

    def watch(self, dyno_id: uuid.UUID, address: str, port: int) -> None:
        """Probe this dyno until it is reached or dropped."""
        self._loop.call_soon_threadsafe(self._begin, dyno_id, address, port)

    def drop(self, dyno_id: uuid.UUID) -> None:
        """Probe it no longer."""
        self._loop.call_soon_threadsafe(self._end, dyno_id)

    def _begin(self, dyno_id: uuid.UUID, address: str, port: int) -> None:
        if dyno_id not in self._tasks:
            self._tasks[dyno_id] = self._loop.create_task(self._probe(dyno_id, address, port))

    def _end(self, dyno_id: uuid.UUID) -> None:
        task = self._tasks.pop(dyno_id, None)
        if task is not None:
            task.cancel()

    async def _probe(self, dyno_id: uuid.UUID, address: str, port: int) -> None:
        while not await _reachable(address, port):
            await asyncio.sleep(EVERY)
        self._tasks.pop(dyno_id, None)
        self._reached(dyno_id)


async def _reachable(address: str, port: int) -> bool:
    try:
        async with asyncio.timeout(PATIENCE):
            _, writer = await asyncio.open_connection(address, port)
    except (OSError, TimeoutError):
        return False
    writer.close()
    return True
