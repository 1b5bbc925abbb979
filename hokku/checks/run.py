"""All checks at once, each in a thread of its own: one that hangs costs its own answer, not the others'."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterable
from concurrent.futures import Future, ThreadPoolExecutor, wait

from sqlalchemy.exc import SQLAlchemyError

from hokku.checks import capacity, certificates, disks, machines, services
from hokku.checks.finding import Check, Finding
from hokku.settings import Settings

log = logging.getLogger(__name__)

SECONDS = 8.0  # that all of them get


def checks(settings: Settings) -> list[Check]:
    """What there is to look at, in the order in which one would: what others stand on first."""
    parts = (services, machines, capacity, certificates, disks)
    return [check for part in parts for check in part.checks(settings)]


def run(wanted: Iterable[Check], seconds: float = SECONDS) -> list[Finding]:
    """What the checks find, in their order. One that raises or does not end in time has failed, and says so."""
    begun: list[tuple[Check, Future[list[Finding]]]] = []
    pool = ThreadPoolExecutor(32, "check")
    began = time.monotonic()
    try:
        for check in wanted:
            begun.append((check, pool.submit(lambda check=check: list(check.look()))))
        wait([future for _, future in begun], timeout=seconds)
    finally:
        pool.shutdown(wait=False, cancel_futures=True)
    return [finding for check, future in begun for finding in _found(check, future, time.monotonic() - began)]


def _found(check: Check, future: Future[list[Finding]], spent: float) -> list[Finding]:
    if not future.done() or future.cancelled():
        return [check.broken(f"It did not answer within {spent:.0f} seconds.")]
    error = future.exception()
    if error is None:
        return future.result()
    if isinstance(error, SQLAlchemyError):  # its text may hold values
        return [check.broken(f"The database does not answer this: {type(error).__name__}.")]
    log.info("check of %s %s: %s", check.part, check.name, error)
    said = str(error).strip().splitlines() or [type(error).__name__]
    return [check.broken(f"{said[0][:300].rstrip('.')}.")]
