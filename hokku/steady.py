"""Work that goes on for ever or in parts: what one turn or one part raises is logged, and the next one has its turn.

A thread that ended would leave a service that lives and does nothing, which nobody restarts.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import psycopg
from sqlalchemy.exc import SQLAlchemyError

log = logging.getLogger(__name__)

_PAUSE = 1.0  # seconds after a turn that failed


@contextmanager
def surviving(what: str) -> Iterator[None]:
    """Log what the block raises, and go on after it. `what` names it in the log."""
    try:
        yield
    except (psycopg.Error, SQLAlchemyError) as error:  # its text may hold values
        log.warning("%s: the database: %s", what, type(error).__name__)
    except Exception:
        log.exception("%s broke", what)


def attempt(what: str, part: Callable[[], object]) -> bool:
    """Do `part`; whether it ended without raising."""
    with surviving(what):
        part()
        return True
    return False


def keep_on(what: str, turn: Callable[[], object], over: Callable[[], bool] = lambda: False) -> None:
    """Do `turn` again and again until `over`; one that raises is followed by a pause of a second."""
    while not over():
        if not attempt(what, turn):
            time.sleep(_PAUSE)
