"""Log sessions: the API makes one, its URL is the secret that opens one stream (Heroku: five minutes to connect)."""

from __future__ import annotations

import json
import secrets
from dataclasses import asdict, dataclass

from redis.asyncio import Redis

from hokku.errors import InvalidParams
from hokku.logplex.lines import Filter
from hokku.logplex.redis import HISTORY, client, session
from hokku.settings import settings

DEFAULT_LINES = 100
CONNECT_SECONDS = 300
TAIL_SECONDS = 3600  # how long a session lasts once connected


@dataclass(frozen=True)
class Session:
    """Whose lines, which of them, how many of the past, and whether the stream stays open."""

    app: str
    process: str | None = None
    source: str | None = None
    lines: int = DEFAULT_LINES
    tail: bool = False

    @property
    def filter(self) -> Filter:
        """Which lines the reader wants."""
        return Filter(self.process, self.source)


def create(
    app_id: object,
    *,
    process: str | None = None,
    source: str | None = None,
    lines: int | None = None,
    tail: bool = False,
) -> str:
    """Make a session and give its URL. `process` is a dyno (web.1) or a type (web); `lines` at most 1500, default 100.

    Raises InvalidParams for a negative number of lines, redis.RedisError when the logplex is away.
    """
    if lines is not None and lines < 0:
        raise InvalidParams(f"lines is {lines}: it must be a number from 0 to {HISTORY}.")
    wanted = Session(str(app_id), process or None, source or None, DEFAULT_LINES if lines is None else lines, tail)
    wanted = Session(**asdict(wanted) | {"lines": min(wanted.lines, HISTORY)})
    secret = secrets.token_urlsafe(32)
    client().set(session(secret), json.dumps(asdict(wanted)), ex=CONNECT_SECONDS)
    # Older CLIs tail only when the URL says so.
    return f"{settings().logs_url.rstrip('/')}/streams/{secret}" + ("?tail=true" if tail else "")


async def connect(redis: Redis, secret: str) -> Session | None:
    """The session of a secret, None when there is none (any more); from the first connection on it lasts an hour."""
    found = await redis.get(session(secret))
    if found is None:
        return None
    if await redis.set(session(secret) + ":connected", "1", nx=True, ex=TAIL_SECONDS):
        await redis.expire(session(secret), TAIL_SECONDS)
    return Session(**json.loads(found))


async def seconds_left(redis: Redis, secret: str) -> float:
    """How long the session still lasts; 0 when it is over."""
    return max(0, await redis.pttl(session(secret)) / 1000)
