"""Sends deliveries: many webhooks at once, each webhook's one after the other, and no receiver holds up another.

`notify` is attempted once; `sync` until the receiver answers 2xx, with growing pauses, for 72 hours (Heroku).
"""

from __future__ import annotations

import asyncio
import logging
import random
import uuid
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime, timedelta

from cryptography.fernet import InvalidToken
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from hokku.errors import InvalidParams
from hokku.outbound.post import SCHEMES, Poster, Unreached
from hokku.outbound.url import parse
from hokku.store import webhook_deliveries
from hokku.store.engine import session
from hokku.store.sealed import unseal
from hokku.store.tables import now
from hokku.store.webhook_deliveries import Told, WebhookDelivery
from hokku.store.webhooks import Webhook, WebhookEvent
from hokku.webhooks import notification

_log = logging.getLogger(__name__)
ANSWER_SECONDS = 10.0
PATIENCE = timedelta(hours=72)
FIRST_PAUSE, LONGEST_PAUSE = 15.0, 3600.0  # seconds
_AT_ONCE, _AT_ONCE_OF_AN_APP = 256, 4
_LOOK_SECONDS = 60.0
_TRIM_SECONDS = 600.0


def pause(attempts: int, jitter: Callable[[], float] = random.random) -> timedelta:
    """How long to wait after so many attempts: doubling from 15 seconds to an hour, up to a fifth more at random."""
    seconds = min(LONGEST_PAUSE, FIRST_PAUSE * 2 ** min(attempts - 1, 20))
    return timedelta(seconds=seconds * (1 + jitter() / 5))


def again_at(level: str, happened: datetime, attempts: int, at: datetime) -> datetime | None:
    """When a delivery that failed so many times is tried again; None: never."""
    if level != "sync" or at - happened > PATIENCE:
        return None
    return at + pause(attempts)


class Deliverer:
    """Makes events of changes with `expand`, and delivers them. Set `changed` when there may be new ones."""

    def __init__(self, expand: Callable[[Session], bool]) -> None:
        self._expand = expand
        self._poster = Poster(connections=_AT_ONCE, keep=False)
        self._under_way: dict[asyncio.Task[None], uuid.UUID] = {}
        self._trimmed = 0.0
        self.changed = asyncio.Event()

    async def run(self) -> None:
        """Deliver until cancelled."""
        try:
            while True:
                self.changed.clear()
                try:
                    wait = await self._round()
                except (SQLAlchemyError, OSError) as error:
                    _log.warning("webhooks wait for the database: %s", type(error).__name__)
                    wait = 2.0
                except Exception:
                    _log.exception("webhooks stumble")
                    wait = 10.0
                with suppress(TimeoutError):
                    async with asyncio.timeout(wait):
                        await self.changed.wait()
        finally:
            for task in list(self._under_way):
                task.cancel()
            await asyncio.gather(*self._under_way, return_exceptions=True)
            await self._poster.close()

    async def _round(self) -> float:
        """Expand, begin what is due; seconds until there may be something to do again."""
        while await asyncio.to_thread(self._expand_some):
            pass
        clock = asyncio.get_running_loop().time()
        if clock - self._trimmed > _TRIM_SECONDS:
            self._trimmed = clock
            await asyncio.to_thread(_trim)
        counts = Counter(self._under_way.values())
        busy = [app_id for app_id, count in counts.items() if count >= _AT_ONCE_OF_AN_APP]
        free = _AT_ONCE - len(self._under_way)
        taken, turn = await asyncio.to_thread(_take, free, busy) if free > 0 else ([], None)
        for told in taken:
            task = asyncio.create_task(self._deliver(*told))
            self._under_way[task] = told[0].app_id
            task.add_done_callback(self._done)
        if taken:
            return 0.05  # there may be more than fitted
        return _LOOK_SECONDS if turn is None else min(_LOOK_SECONDS, max(0.2, (turn - now()).total_seconds()))

    def _expand_some(self) -> bool:
        with session() as opened:
            return self._expand(opened)

    def _done(self, task: asyncio.Task[None]) -> None:
        self._under_way.pop(task, None)
        self.changed.set()  # it may be the next one's turn
        if not task.cancelled() and task.exception() is not None:
            _log.error("a delivery stumbled", exc_info=task.exception())

    async def _deliver(self, delivery: WebhookDelivery, event: WebhookEvent, webhook: Webhook) -> None:
        began, code, error = now(), None, None
        try:
            url = parse(unseal(webhook.url_sealed), SCHEMES)
            sealed = webhook.authorization_sealed
            authorization = unseal(sealed) if sealed else url.authorization
            told = notification.body(
                event_id=event.id,
                include=event.include,
                payload=event.payload,
                happened=event.created_at,
                webhook_id=webhook.id,
                delivery_id=delivery.id,
                attempt_id=delivery.attempt_id,
            )
            headers = notification.headers(told, unseal(webhook.secret_sealed), authorization)
            code = await self._poster.post(url, headers, told, ANSWER_SECONDS)
        except Unreached as unreached:
            error = unreached.kind
        except (InvalidToken, InvalidParams) as broken:
            error = type(broken).__name__
        again = None
        if not webhook_deliveries.succeeded(code):
            again = again_at(webhook.level, event.created_at, delivery.num_attempts + 1, now())
        await asyncio.to_thread(_ended, delivery.id, began, code, error, again)


def _take(free: int, busy: list[uuid.UUID]) -> tuple[list[Told], datetime | None]:
    with session() as opened:
        return webhook_deliveries.take(opened, free, busy), webhook_deliveries.next_turn(opened, busy)


def _ended(
    delivery_id: uuid.UUID, began: datetime, code: int | None, error: str | None, again: datetime | None
) -> None:
    with session() as opened:
        webhook_deliveries.ended(opened, delivery_id, began, code=code, error=error, again_at=again)


def _trim() -> None:
    with session() as opened:
        webhook_deliveries.trim(opened)
