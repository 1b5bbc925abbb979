"""A terminal's way to its command, for whoever serves it: claimed once, waited for, executed, written down."""

from __future__ import annotations

import asyncio
import logging
import os
import socket
import time
import uuid
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from hokku.logplex.emit import emit
from hokku.oneoff.execution import Execution, Executor, Request
from hokku.steady import surviving
from hokku.store import oneoffs, terminals
from hokku.store.engine import session
from hokku.store.terminals import Over, Place, Terminal

log = logging.getLogger(__name__)
T = TypeVar("T")

SAY = 10.0  # seconds between two signs of life
_LOOK = 0.15  # seconds between two looks at a dyno that starts
_WAIT = 180.0  # seconds that a dyno may take to be up
_PATIENCE = 90.0  # seconds that a database which is away is waited for
_workers = ThreadPoolExecutor(12, "database")


class Server:
    """One process that serves terminals: `name` stands in those it has, and it says every ten seconds that it lives."""

    def __init__(self, kind: str, executors: Mapping[str, Executor]) -> None:
        self.group = f"{kind}@{socket.gethostname()}:"
        self.name = f"{self.group}{os.getpid()}:{time.time():.0f}"
        self._executors = executors
        self._open: set[uuid.UUID] = set()

    async def connect(self, *, secret: str | None = None, id: uuid.UUID | None = None) -> Terminal | None:
        """The terminal, which is this server's then; None when there is none to be had."""
        found = await _insist(lambda opened: terminals.connect(opened, self.name, secret=secret, id=id), again=False)
        if found is not None:
            self._open.add(found.id)
        return found

    async def wait(self, terminal: Terminal, wanted: Callable[[], bool] = lambda: True) -> Place:
        """Its dyno, once that is up; raises Over when it will not be, or when it is no longer wanted."""
        deadline = time.monotonic() + _WAIT
        while wanted():
            place = await _insist(lambda opened: terminals.place(opened, terminal))
            if place is not None and place.up:
                return place
            if time.monotonic() > deadline:
                raise Over("the dyno did not start")
            await asyncio.sleep(_LOOK)
        raise Over("nobody waits for it any more")

    async def begin(self, terminal: Terminal, place: Place) -> Execution:
        """Execute its command there. Raises LxdError or OSError."""
        order = oneoffs.unseal(terminal.sealed)
        if terminal.id == terminal.dyno_id:
            email = await _insist(lambda opened: terminals.email(opened, terminal))
            by = f" by user {email}" if email else ""
            emit(terminal.app_id, f"Starting process with command `{order.command}`{by}",
                 process=place.name, source="heroku")  # fmt: skip
        executor = self._executors[place.host]
        return await Execution.begin(executor, place.instance, str(terminal.id), Request(order, terminal.tty))

    async def end(self, terminal: Terminal, status: int | None) -> None:
        """Write down that it is over."""
        self._open.discard(terminal.id)
        try:
            await _insist(lambda opened: terminals.end(opened, terminal, status))
        except SQLAlchemyError as error:  # the manifold finds that nobody says anything of it
            log.warning("the end of terminal %s is not written down: %s", terminal.id, type(error).__name__)

    async def say_for_ever(self) -> None:
        """Say which terminals are served here, every ten seconds, however long the database is away."""
        while True:
            await asyncio.sleep(SAY)
            if served := set(self._open):
                with surviving("saying which terminals live"):
                    await _insist(lambda opened, ids=served: terminals.seen(opened, self.name, ids))

    async def begin_anew(self) -> None:
        """End what processes before this one had on this host."""
        if left := await _insist(lambda opened: terminals.end_of(opened, self.group)):
            log.info("%d terminals of a process before this one have ended", left)


async def _insist(work: Callable[[Session], T], again: bool = True) -> T:
    """The result of `work` in a transaction; a database that is away is waited for, if it may be done `again`."""
    deadline = time.monotonic() + (_PATIENCE if again else 0.0)
    loop = asyncio.get_running_loop()

    def once() -> Any:
        with session() as opened:
            return work(opened)

    while True:
        try:
            return await loop.run_in_executor(_workers, once)
        except SQLAlchemyError as error:
            if time.monotonic() >= deadline:
                raise
            log.warning("waiting for the database: %s", type(error).__name__)
        await asyncio.sleep(0.5)
