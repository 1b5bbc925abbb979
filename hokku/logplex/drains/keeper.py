"""Which drains this process serves: all of them, or none while another process does.

A lease in Redis decides, so that drains go on while PostgreSQL is away. The database says which drains there are; it is
asked when something changed, and once a minute.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
import time
from collections.abc import Callable
from contextlib import suppress
from uuid import UUID

from cryptography.fernet import InvalidToken
from redis import RedisError
from redis.asyncio import Redis
from sqlalchemy.exc import SQLAlchemyError

from hokku.errors import InvalidParams
from hokku.logplex.consume import HOLD
from hokku.logplex.drains.bell import Bell
from hokku.logplex.drains.forward import Forward, Wanted
from hokku.logplex.drains.ways import Ways, way
from hokku.logplex.emit import emit
from hokku.logplex.redis import DRAINER, DRAINS
from hokku.store import drains
from hokku.store.engine import session

_log = logging.getLogger(__name__)
_LEASE_SECONDS = 10
_RENEW_SECONDS = 2.0
_LOOK_SECONDS = 60.0
_FINISH_SECONDS = 3.0  # what is under way gets so long to be acknowledged when this process ends


def stored() -> list[Wanted]:
    """The drains of all apps, as the database has them."""
    found = []
    with session() as opened:
        for row in drains.everyones(opened):
            try:
                found.append(Wanted(row.id, row.app_id, row.token, row.url, row.after))
            except InvalidToken:
                _log.error("the URL of drain %s was sealed with another key", row.token)
    return found


class Keeper:
    """Serves the drains that `load` gives. Set `changed` when they may have changed."""

    def __init__(
        self,
        redis: Redis,
        load: Callable[[], list[Wanted]] = stored,
        say: Callable[..., None] = emit,
        ways: Ways = way,
    ) -> None:
        self._redis, self._load, self._say, self._ways = redis, load, say, ways
        self._token = secrets.token_hex(8).encode()
        self._hold = redis.register_script(HOLD)
        self._serving: dict[UUID, tuple[Forward, asyncio.Task[None]]] = {}
        self.changed = asyncio.Event()

    async def run(self) -> None:
        """Serve until cancelled."""
        self._bell = Bell(self._redis)
        serving: asyncio.Task[None] | None = None
        held_until = 0.0
        try:
            while True:
                try:
                    if await self._hold(keys=[DRAINER], args=[self._token, _LEASE_SECONDS]):
                        held_until = time.monotonic() + _LEASE_SECONDS - _RENEW_SECONDS
                    else:
                        held_until = 0.0
                except RedisError as error:
                    _log.info("the drains' lease waits for Redis: %s", type(error).__name__)
                if time.monotonic() < held_until and (serving is None or serving.done()):
                    _log.info("this process serves the drains")
                    serving = asyncio.create_task(self._serve())
                elif time.monotonic() >= held_until and serving is not None:
                    await _end(serving)
                    serving = None
                await asyncio.sleep(_RENEW_SECONDS)
        finally:
            if serving is not None:
                await _end(serving)
            await self._bell.close()
            with suppress(RedisError):
                if await self._redis.get(DRAINER) == self._token:
                    await self._redis.delete(DRAINER)

    async def _serve(self) -> None:
        try:
            while True:
                self.changed.clear()
                wait = _LOOK_SECONDS
                try:
                    await self._compare(await asyncio.to_thread(self._load))
                except (SQLAlchemyError, OSError, RedisError) as error:
                    _log.warning("which drains there are is not known now: %s", type(error).__name__)
                    wait = 2.0
                with suppress(TimeoutError):
                    async with asyncio.timeout(wait):
                        await self.changed.wait()
        finally:
            await self._stop(list(self._serving))

    async def _stop(self, ids: list[UUID]) -> None:
        serving = [self._serving.pop(each) for each in ids]
        for forward, _ in serving:
            forward.finish()
        if serving:
            await asyncio.wait([task for _, task in serving], timeout=_FINISH_SECONDS)
        for _, task in serving:
            await _end(task)

    async def _compare(self, wanted: list[Wanted]) -> None:
        by_id = {each.id: each for each in wanted}
        await self._stop([each for each, (_, task) in self._serving.items() if each not in by_id or task.done()])
        for new in by_id.keys() - self._serving.keys():
            try:
                made = Forward(by_id[new], self._redis, self._bell, self._say, self._ways)
            except InvalidParams as error:
                _log.error("%r cannot be served: %s", by_id[new], error)
                continue
            self._serving[new] = made, asyncio.create_task(made.run())
        left = [kept for kept in await self._redis.hkeys(DRAINS) if UUID(kept.decode()) not in by_id]
        if left:
            await self._redis.hdel(DRAINS, *left)


async def _end(task: asyncio.Task[None]) -> None:
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
