"""The connection to the logplex's Redis, as the settings name it; the password is read from its file."""

from __future__ import annotations

import ssl
from functools import cache
from typing import Any

from redis import Redis
from redis.asyncio import BlockingConnectionPool
from redis.asyncio import Redis as AsyncRedis
from redis.backoff import NoBackoff
from redis.retry import Retry

from hokku.settings import settings

INBOX = "logplex:in"  # list of JSON, newest last: what rsyslog and `emit` push
SEEN = "logplex:seen"  # hash: which sequence numbers of a sender were taken
MOVER = "logplex:mover"  # the token of the one process that moves lines
DRAINER = "logplex:drainer"  # the token of the one process that serves the drains
DRAINS = "logplex:drains"  # hash: how far each drain is
HISTORY = 1500  # lines kept of an application, as Heroku's logplex


def stream(app_id: str) -> str:
    """The name of the application's stream."""
    return f"log:{app_id}"


def session(secret: str) -> str:
    """The name of the key that holds a log session."""
    return f"logsession:{secret}"


def _options() -> dict[str, Any]:
    at = settings()
    options: dict[str, Any] = {
        "socket_connect_timeout": 3,
        "socket_keepalive": True,
        "health_check_interval": 30,
        "client_name": "hokku",
    }
    if at.redis_password_file is not None:
        options["password"] = at.redis_password_file.read_text().strip() or None
    if at.redis_url.startswith("rediss://"):
        options |= {"ssl_ca_certs": str(at.ca_file), "ssl_cert_reqs": "required", "ssl_check_hostname": True}
        options["ssl_min_version"] = ssl.TLSVersion.TLSv1_2
    return options


@cache
def client() -> Redis:
    """This process's client (thread-safe). Calls raise redis.RedisError, after 5 seconds at the latest."""
    return Redis.from_url(settings().redis_url, socket_timeout=5, **_options())


@cache
def writer() -> Redis:
    """A client that tries everything once: for what must not be done twice unnoticed."""
    return Redis.from_url(settings().redis_url, socket_timeout=5, retry=Retry(NoBackoff(), 0), **_options())


def pooled_client(connections: int) -> AsyncRedis:
    """A new client for an event loop with at most so many connections; calls wait for a free one."""
    pool = BlockingConnectionPool.from_url(
        settings().redis_url, socket_timeout=60, max_connections=connections, timeout=60, **_options()
    )
    return AsyncRedis(connection_pool=pool)


def async_client() -> AsyncRedis:
    """A new client for an event loop, without a limit of connections: each open tail holds one."""
    return AsyncRedis.from_url(settings().redis_url, socket_timeout=60, max_connections=10_000, **_options())
