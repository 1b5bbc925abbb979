"""The service hokku-courier: what the platform sends out for its tenants. Log drains and webhooks.

It is a process of its own, so that nothing a receiver does reaches the API, the mover of lines or the log streams, and
so that an operator can say in one place where it may connect to.
"""

from __future__ import annotations

import asyncio
import logging
import signal
from functools import partial

from hokku.api.shown import RENDERERS
from hokku.logplex.drains.keeper import Keeper
from hokku.logplex.redis import pooled_client
from hokku.steady import surviving
from hokku.store.engine import DRAINS, WEBHOOKS, hear
from hokku.webhooks.deliver import Deliverer
from hokku.webhooks.expand import expand

_log = logging.getLogger(__name__)
_AGAIN_SECONDS = 2.0


async def listen(channels: dict[str, asyncio.Event]) -> None:
    """Set a channel's event with each notification, and all of them after a time without connection."""
    while True:
        with surviving("listening"):
            async for note in hear(channels):
                for event in channels.values() if note is None else (channels[note.channel],):
                    event.set()
        await asyncio.sleep(_AGAIN_SECONDS)


async def serve() -> None:
    """Serve until cancelled."""
    keeper = Keeper(pooled_client(64))
    deliverer = Deliverer(partial(expand, renderers=RENDERERS))
    async with asyncio.TaskGroup() as group:
        group.create_task(listen({DRAINS: keeper.changed, WEBHOOKS: deliverer.changed}))
        group.create_task(keeper.run())
        group.create_task(deliverer.run())


async def _until_told() -> None:
    running = asyncio.create_task(serve())
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, running.cancel)
    try:
        await running
    except asyncio.CancelledError:
        _log.info("ended")


def main() -> None:
    """Run until SIGTERM; batches that no receiver has acknowledged yet are sent again by the next one."""
    asyncio.run(_until_told())
