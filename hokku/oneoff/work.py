"""A command in a one-off dyno for the platform itself (a release phase): asked for, executed once, its output read."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass

from hokku.manifold.lxd import LxdError
from hokku.oneoff.execution import Execution, executors
from hokku.oneoff.reach import Server
from hokku.settings import settings
from hokku.store.terminals import Over

log = logging.getLogger(__name__)

_UNWANTED = "it took too long, or was not wanted any more"
_LOOK = 0.5  # seconds between two looks whether it shall go on


@dataclass(frozen=True)
class Ended:
    """How the command ended: its exit `status`, or None and `why` when it did not run to its end.

    Not `begun`: its dyno never got so far, and nothing of it was executed.
    """

    status: int | None
    why: str | None = None
    begun: bool = True


def attend(
    oneoff_id: uuid.UUID, wrote: Callable[[bytes], None], *, timeout: float, wanted: Callable[[], bool] = lambda: True
) -> Ended:
    """Execute the command of a wish made with `ask(…, attach=True, secret=False)`, and give its output to `wrote`.

    Blocks, for `timeout` seconds at most and while `wanted()`; it is hung up on then. It is executed at most once: a
    second call for the same wish ends at once. The dyno is no more a moment later.
    """
    return asyncio.run(_attend(oneoff_id, wrote, timeout, wanted))


async def _attend(
    oneoff_id: uuid.UUID, wrote: Callable[[bytes], None], timeout: float, wanted: Callable[[], bool]
) -> Ended:
    server = Server("work", executors(settings()))
    deadline = time.monotonic() + timeout

    def goes_on() -> bool:
        return time.monotonic() < deadline and wanted()

    terminal = await server.connect(id=oneoff_id)
    if terminal is None:
        return Ended(None, "it was begun before, or has ended")
    saying = asyncio.create_task(server.say_for_ever())
    ended, begun = Ended(None, "it was broken off"), False
    try:
        place = await server.wait(terminal, goes_on)
        begun = True
        execution = await server.begin(terminal, place)
        try:
            ended = await _read(execution, wrote, goes_on)
        finally:
            await execution.close()
    except Over as over:
        ended = Ended(None, str(over), begun)
    except (LxdError, OSError) as error:
        log.warning("one-off %s: %s", oneoff_id, error)
        ended = Ended(None, "the dyno was lost")
    finally:
        saying.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await saying
        await server.end(terminal, ended.status)
    return ended


async def _read(execution: Execution, wrote: Callable[[bytes], None], goes_on: Callable[[], bool]) -> Ended:
    await execution.end_input()
    reading = asyncio.create_task(execution.read())
    while goes_on():
        done, _ = await asyncio.wait({reading}, timeout=_LOOK)
        if not done:
            continue
        data = reading.result()
        if not data:
            status = await execution.status(goes_on)
            return Ended(status, _UNWANTED if status is None else None)
        await asyncio.to_thread(wrote, data)
        reading = asyncio.create_task(execution.read())
    reading.cancel()
    with contextlib.suppress(asyncio.CancelledError, OSError):
        await reading
    await execution.hang_up()
    return Ended(None, _UNWANTED)
