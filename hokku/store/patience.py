"""A database that restarts is waited for: builds and release phases take minutes, and its restart takes seconds."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from typing import TypeVar

from sqlalchemy.exc import DBAPIError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout

log = logging.getLogger(__name__)
T = TypeVar("T")


def insist(work: Callable[[], T], seconds: float = 90.0) -> T:
    """The result of `work`, tried again while the database is away, for so long. `work` must bear being done twice."""
    deadline = time.monotonic() + seconds
    while True:
        try:
            return work()
        except (DBAPIError, PoolTimeout) as error:
            if not away(error) or time.monotonic() > deadline:
                raise
            log.warning("waiting for the database: %s", type(error).__name__)
        time.sleep(0.5)


def away(error: Exception) -> bool:
    """Whether the error says that the database is away, and nothing of what it was asked."""
    if isinstance(error, (OperationalError, PoolTimeout)):
        return True
    return isinstance(error, DBAPIError) and error.connection_invalidated
