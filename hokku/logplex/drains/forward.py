"""One drain: reads its application's stream from where it was, sends batch after batch, remembers how far it is.

The stream itself is the buffer: 1,500 lines. What it lost at its end before this drain read it is counted by the lines'
numbers. Beyond it a drain holds one batch, which it keeps sending until the receiver has it.
"""

from __future__ import annotations

import asyncio
import json
import logging
import random
import uuid
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from uuid import UUID

from redis import RedisError
from redis.asyncio import Redis

from hokku.logplex.drains import SCHEMES, frames
from hokku.logplex.drains.bell import Bell
from hokku.logplex.drains.ways import Away, Declined, Ways, way
from hokku.logplex.lines import Line, timestamp
from hokku.logplex.redis import DRAINS, stream
from hokku.logplex.streams import Entry, entry_of
from hokku.outbound.url import parse
from hokku.store.tables import now

_log = logging.getLogger(__name__)
_TARGET = 100 * 1024  # bytes of a batch (Heroku: 102,400)
_FEWEST, _MOST = 10, 500  # lines that are read at once
_IDLE_SECONDS = 30.0  # how often a silent stream is looked at without a bell
_FIRST_PAUSE, _LONGEST_PAUSE = 1.0, 60.0


@dataclass(frozen=True)
class Wanted:
    """A drain as the database has it; `after` as in `hokku.store.drains.Drain`."""

    id: UUID
    app_id: UUID
    token: str
    url: str
    after: int | None = None

    def __repr__(self) -> str:
        return f"drain {self.token}"


@dataclass(frozen=True)
class Reached:
    """How far a drain is: the last line it is done with, by number and time; how many lost ones it was not told of."""

    number: int
    since: str
    untold: int = 0


def pause(failures: int, jitter: Callable[[], float] = random.random) -> float:
    """Seconds to wait after so many failures in a row: doubling from 1 to 60, less up to half of it at random."""
    longest = min(_LONGEST_PAUSE, _FIRST_PAUSE * 2 ** min(failures - 1, 10))
    return longest * (1 - jitter() / 2)


class Forward:
    """Serves one drain until cancelled. `emit` writes into the application's log."""

    def __init__(self, wanted: Wanted, redis: Redis, bell: Bell, emit: Callable[..., None], ways: Ways = way) -> None:
        self._wanted, self._redis, self._bell, self._emit = wanted, redis, bell, emit
        self._key = stream(str(wanted.app_id))
        self._url = parse(wanted.url, SCHEMES)
        self._way = ways(self._url, wanted.token)
        self._at = Reached(0, timestamp(now()))
        self._size = 200.0  # bytes of a line, lately
        self._failures = 0
        self._rung = asyncio.Event()
        self._finishing = False

    def finish(self) -> None:
        """Let `run` return after the batch that is under way."""
        self._finishing = True
        self._rung.set()

    async def run(self) -> None:
        """Forward lines until `finish`; whatever fails is tried again."""
        self._bell.add(self._wanted.app_id, self._rung)
        try:
            await self._patiently(self._restore)
            while not self._finishing:
                with suppress(TimeoutError):
                    async with asyncio.timeout(_IDLE_SECONDS):
                        await self._rung.wait()
                self._rung.clear()
                await asyncio.sleep(self._way.linger)
                while not self._finishing and await self._patiently(self._forward):
                    pass
        finally:
            self._bell.remove(self._wanted.app_id, self._rung)
            await self._way.close()

    async def _patiently(self, do: Callable[[], object]) -> object:
        while True:
            try:
                return await do()
            except RedisError as error:
                _log.info("%r waits for Redis: %s", self._wanted, type(error).__name__)
            except Exception:
                _log.exception("%r stumbles", self._wanted)
            await asyncio.sleep(1 + random.random())

    async def _restore(self) -> None:
        kept = await self._redis.hget(DRAINS, str(self._wanted.id))
        if kept is not None:
            self._at = Reached(**json.loads(kept))
            return
        number = self._wanted.after
        if number is None:
            newest = await self._redis.xrevrange(self._key, count=1)
            number = entry_of(*newest[0]).number if newest else 0
        await self._keep(replace(self._at, number=number))

    async def _keep(self, reached: Reached) -> None:
        await self._redis.hset(DRAINS, str(self._wanted.id), json.dumps(asdict(reached)))
        self._at = reached

    async def _read(self) -> list[Entry]:
        most = max(_FEWEST, min(_MOST, int(_TARGET / self._size)))
        found = await self._redis.xrange(self._key, min=f"({self._at.number}-0", count=most)
        if not found and self._at.number:
            newest = await self._redis.xrevrange(self._key, count=1)
            if not newest or entry_of(*newest[0]).number < self._at.number:  # the stream was away
                await self._keep(replace(self._at, number=0))
                self._bell.anew(self._wanted.app_id)
                found = await self._redis.xrange(self._key, count=most)
        entries, size = [entry_of(*each) for each in found], 0
        for count, entry in enumerate(entries, 1):
            size += len(entry.line.text) + 60
            if size >= _TARGET:
                entries = entries[:count]
                break
        if entries:
            self._size = size / len(entries)
        return entries

    async def _forward(self) -> bool:
        """Send one batch; False when there was none."""
        entries = await self._read()
        if not entries:
            return False
        last, at = entries[-1], self._at
        lost = entries[0].number - at.number - 1
        lines = [entry.line for entry in entries if not frames.is_overflow(entry.line)]
        after = Reached(last.number, last.line.time)
        if not lines and not lost:
            await self._keep(replace(after, untold=at.untold, since=at.since if at.untold else after.since))
            return True
        told = [frames.overflow(lost + at.untold, at.since)] if lost + at.untold else []
        if not await self._deliver(told + lines):
            lost += len(lines)
            after = replace(after, since=at.since, untold=at.untold + lost)
        await self._keep(after)
        if lost:
            said = frames.overflow(lost, at.since)
            self._emit(self._wanted.app_id, said.text, process=said.process, source=said.source)
        if after.untold:
            await asyncio.sleep(pause(self._failures))
        return True

    async def _deliver(self, lines: list[Line]) -> bool:
        """Send until the receiver has the lines (True) or declines them (False)."""
        batch = uuid.uuid4().hex.upper()
        while True:
            try:
                await self._way.send(lines, batch)
                if self._failures:
                    _log.info("%r is served again", self._wanted)
                self._failures = 0
                return True
            except Declined as error:
                self._failed(str(error))
                return False
            except Away as error:
                self._failed(str(error), error.certificate)
                await asyncio.sleep(pause(self._failures))

    def _failed(self, why: str, certificate: str | None = None) -> None:
        self._failures += 1
        if self._failures == 1:  # once for each time it is away
            _log.info("%r is away: %s", self._wanted, why)
            if certificate:
                said = frames.certificate(certificate, f"{self._url.scheme}://{self._url.authority}")
                self._emit(self._wanted.app_id, said.text, process=said.process, source=said.source)
