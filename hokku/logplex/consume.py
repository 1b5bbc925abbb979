"""Moves lines from the inbox into the applications' streams: nothing lost, nothing twice, whenever it is killed.

One script in Redis cuts lines off the inbox, appends them to their streams and notes their numbers as taken, all or
nothing. It acts only while this process holds the mover's token, so that two processes never both move.
"""

from __future__ import annotations

import logging
import secrets
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

from redis import Redis, RedisError
from sqlalchemy.exc import SQLAlchemyError

from hokku.logplex.lines import Arrival, Line, arrival, placed
from hokku.logplex.places import Places
from hokku.logplex.redis import HISTORY, INBOX, MOVER, SEEN, stream
from hokku.logplex.repeats import Taken

_log = logging.getLogger(__name__)
_BATCH = 1000
_TOKEN_SECONDS = 10
_STREAM_SECONDS = 7 * 86400  # Heroku keeps lines for a week
_AUDIT_SECONDS = 60  # numbers that did not come for so long are called lost
_SEEN_SECONDS = 8 * 86400  # how long we remember what a sender's earlier runs sent

# allow-oom: with Redis at its limit, moving is what frees memory. A stream's entries are numbered 1-0, 2-0, …
_MOVE = """#!lua flags=allow-oom
local mover, inbox, seen = KEYS[1], KEYS[2], KEYS[3]
local token, token_seconds, count, history, stream_seconds = unpack(ARGV, 1, 5)
if redis.call('GET', mover) ~= token then return 0 end
redis.call('EXPIRE', mover, token_seconds)
redis.call('LTRIM', inbox, count, -1)
local at = 6
for _ = 1, tonumber(ARGV[at]) do
  redis.call('HSET', seen, ARGV[at + 1], ARGV[at + 2])
  at = at + 2
end
at = at + 1
local last = {}
while at <= #ARGV do
  local stream, t, s, p, m = unpack(ARGV, at, at + 4)
  if not last[stream] then
    local newest = redis.call('XREVRANGE', stream, '+', '-', 'COUNT', 1)[1]
    last[stream] = newest and tonumber(string.match(newest[1], '^%d+')) or 0
  end
  last[stream] = last[stream] + 1
  local id = string.format('%.0f-0', last[stream])
  redis.call('XADD', stream, 'MAXLEN', '=', history, id, 't', t, 's', s, 'p', p, 'm', m)
  at = at + 5
end
for stream in pairs(last) do redis.call('EXPIRE', stream, stream_seconds) end
return 1
"""

# 0: another process has the token; 1: we have it; 2: we have taken it.
HOLD = """#!lua flags=allow-oom
local holder = redis.call('GET', KEYS[1])
if holder and holder ~= ARGV[1] then return 0 end
redis.call('SET', KEYS[1], ARGV[1], 'EX', ARGV[2])
return holder and 1 or 2
"""


class _Lost(Exception):
    """Another process holds the mover's token."""


@dataclass
class _Plan:
    """What one batch comes to."""

    lines: list[tuple[str, Line]] = field(default_factory=list)
    senders: set[str] = field(default_factory=set)
    refused: Counter[str] = field(default_factory=Counter)


class Mover:
    """The consumer. `move` does one batch; `run` goes on until told to stop."""

    def __init__(self, redis: Redis, places: Places) -> None:
        self._redis, self._places = redis, places
        self._hold, self._move = redis.register_script(HOLD), redis.register_script(_MOVE)
        self._token = secrets.token_hex(8).encode()
        self._taken: dict[str, Taken] | None = None  # None: read it from Redis before anything is moved
        self._missing: dict[str, int] = {}
        self._audited = time.monotonic()

    def run(self, stopped: Callable[[], bool]) -> None:
        """Move batches until `stopped`; whatever fails is logged and tried again a second later."""
        while not stopped():
            try:
                if not self.hold():
                    time.sleep(1)
                elif not self.move():
                    # Waits until there is something: moves the first entry to where it is.
                    self._redis.blmove(INBOX, INBOX, 2, "LEFT", "LEFT")
                if time.monotonic() - self._audited > _AUDIT_SECONDS:
                    self.audit()
            except Exception as error:
                self._taken = None
                if isinstance(error, RedisError | SQLAlchemyError | OSError | _Lost):
                    _log.warning("lines wait: %s", (str(error) or type(error).__name__).splitlines()[0])
                else:
                    _log.exception("lines wait")
                time.sleep(1)
        self.release()

    def hold(self) -> bool:
        """Take or keep the mover's token; False while another process has it."""
        held = self._hold(keys=[MOVER], args=[self._token, _TOKEN_SECONDS])
        if not held:
            return False
        if held == 2 or self._taken is None:
            self._taken = self._remembered()
            _log.info("this process moves the lines")
        return True

    def release(self) -> None:
        """Give the token back, so that another process takes over at once."""
        try:
            if self._redis.get(MOVER) == self._token:
                self._redis.delete(MOVER)
        except RedisError:
            pass

    def audit(self) -> dict[str, int]:
        """Log, once, how many lines of each sender went missing since the audit before the last; what was logged."""
        missing = {sender: taken.missing for sender, taken in (self._taken or {}).items()}
        lost = {sender: count for sender, count in missing.items() if count > 0 and self._missing.get(sender) == count}
        for sender, count in lost.items():
            _log.warning("%d lines of %s did not arrive", count, sender.partition("/")[0])
            self._taken[sender].settle()
        self._missing, self._audited = missing, time.monotonic()
        return lost

    def _remembered(self) -> dict[str, Taken]:
        oldest = time.time() - _SEEN_SECONDS
        taken = {}
        for sender, value in self._redis.hgetall(SEEN).items():
            at, _, ranges = value.partition(b" ")
            if float(at) < oldest:
                self._redis.hdel(SEEN, sender)
            else:
                taken[sender.decode()] = Taken.load(ranges)
        return taken

    def move(self) -> int:
        """Move one batch; how many entries left the inbox. To be called after `hold` said True."""
        batch = self._redis.lrange(INBOX, 0, _BATCH - 1)
        plan = self._plan(batch)
        arguments: list[object] = [self._token, _TOKEN_SECONDS, len(batch), HISTORY, _STREAM_SECONDS, len(plan.senders)]
        for sender in plan.senders:
            arguments += [sender, f"{time.time():.0f} {self._taken[sender].dump()}"]
        for app_id, line in plan.lines:
            arguments += [stream(app_id), line.time, line.source, line.process, line.text]
        if batch and not self._move(keys=[MOVER, INBOX, SEEN], args=arguments):
            raise _Lost("another process moves them")
        if plan.refused:
            _log.warning("refused: %s", ", ".join(f"{n} × {why}" for why, n in plan.refused.most_common(5)))
        return len(batch)

    def _plan(self, batch: list[bytes]) -> _Plan:
        plan = _Plan()
        nobodys: set[tuple[str, int]] = set()
        for pushed in batch:
            try:
                found = arrival(pushed)
            except ValueError as error:
                plan.refused[f"not a line: {error}"[:200]] += 1
                continue
            sender, place = f"{found.sender.host}/{found.sender.run}", (found.sender.host, found.slot)
            if not self._taken.setdefault(sender, Taken()).take(found.sender.seq):
                continue
            plan.senders.add(sender)
            app_id, line = (None, found.line) if place in nobodys else self._whose(found)
            if app_id is None:
                nobodys.add(place)
                plan.refused[f"no dyno has had slot {found.slot} of {found.sender.host}"] += 1
            else:
                plan.lines.append((app_id, line))
        return plan

    def _whose(self, found: Arrival) -> tuple[str | None, Line]:
        if found.slot is None:
            return found.app_id, found.line
        place = self._places.find(found.sender.host, found.slot, datetime.fromisoformat(found.line.time))
        return (str(place.app_id), placed(found.line, place.name)) if place else (None, found.line)
