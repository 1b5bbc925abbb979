"""Wakes drains when their application has new lines. Applications without drains cost nothing.

A blocking read over all streams that have drains tells which of them grew. Streams are spread over a few such reads, so
that none names too many.
"""

from __future__ import annotations

import asyncio
import logging
from uuid import UUID

from redis import RedisError
from redis.asyncio import Redis

from hokku.logplex.redis import stream

_log = logging.getLogger(__name__)
_GROUPS = 8
_BLOCK_SECONDS = 5
_GATHER_SECONDS = 0.02  # a stream that grows all the time rings so often, not with each line
_AGAIN_SECONDS = 1.0


class Bell:
    """`wait` for an application's lines; `add` and `remove` say whose are waited for."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis
        self._waiting: dict[UUID, list[asyncio.Event]] = {}
        self._heard: list[dict[UUID, int]] = [{} for _ in range(_GROUPS)]
        self._tasks: list[asyncio.Task[None] | None] = [None] * _GROUPS
        self._stale: set[int] = set()

    def add(self, app_id: UUID, event: asyncio.Event) -> None:
        """Set the event now, and whenever the application may have new lines."""
        event.set()
        waiting = self._waiting.setdefault(app_id, [])
        waiting.append(event)
        if len(waiting) == 1:
            self._heard[app_id.int % _GROUPS][app_id] = 0
            self._again(app_id.int % _GROUPS)

    def remove(self, app_id: UUID, event: asyncio.Event) -> None:
        """Wake this one no longer."""
        waiting = self._waiting[app_id]
        waiting.remove(event)
        if not waiting:
            del self._waiting[app_id], self._heard[app_id.int % _GROUPS][app_id]
            self._again(app_id.int % _GROUPS)

    def anew(self, app_id: UUID) -> None:
        """The application's lines are numbered anew: its stream was away."""
        self._heard[app_id.int % _GROUPS][app_id] = 0
        self._again(app_id.int % _GROUPS)

    async def close(self) -> None:
        """Ring no more."""
        tasks = [task for task in self._tasks if task is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _again(self, group: int) -> None:
        """Begin the group's read anew with the streams it has now; many changes at once are one."""
        if group in self._stale:
            return
        self._stale.add(group)
        asyncio.get_running_loop().call_later(_GATHER_SECONDS, self._restart, group)

    def _restart(self, group: int) -> None:
        self._stale.discard(group)
        task = self._tasks[group]
        if task is not None:
            task.cancel()
        self._tasks[group] = asyncio.create_task(self._listen(self._heard[group])) if self._heard[group] else None

    async def _listen(self, heard: dict[UUID, int]) -> None:
        names = {stream(str(app_id)).encode(): app_id for app_id in heard}
        while True:
            try:
                after = {name: f"{heard[app_id]}-0" for name, app_id in names.items() if app_id in heard}
                grown = [names[name] for name, _ in await self._redis.xread(after, 1, _BLOCK_SECONDS * 1000) or ()]
                if grown:
                    await self._ring(grown, heard)
                await asyncio.sleep(_GATHER_SECONDS)
            except RedisError as error:
                _log.info("drains wait for Redis: %s", type(error).__name__)
                await asyncio.sleep(_AGAIN_SECONDS)
            except Exception:
                _log.exception("waking drains broke")
                await asyncio.sleep(_AGAIN_SECONDS)

    async def _ring(self, grown: list[UUID], heard: dict[UUID, int]) -> None:
        asked = self._redis.pipeline(transaction=False)
        for app_id in grown:
            asked.xrevrange(stream(str(app_id)), count=1)
        for app_id, newest in zip(grown, await asked.execute(), strict=True):
            if app_id in heard:
                heard[app_id] = int(newest[0][0].split(b"-")[0]) if newest else 0
            for event in self._waiting.get(app_id, ()):
                event.set()
