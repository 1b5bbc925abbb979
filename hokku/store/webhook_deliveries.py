"""Deliveries of webhook events: the queue, whose turn it is, and what came of each attempt.

A webhook's deliveries go one after the other. Whoever takes one holds it for 20 seconds; should that process die, it is
taken again.
"""

from __future__ import annotations

import uuid
from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import BigInteger, ForeignKey, Identity, Index, Select, delete, exists, func, or_, select, text
from sqlalchemy.orm import Mapped, Session, mapped_column

from hokku.store.tables import App, Base, _Row, now
from hokku.store.webhooks import Webhook, WebhookEvent

PENDING, RETRYING, FAILED, SUCCEEDED = "pending", "retrying", "failed", "succeeded"
STATUSES = (PENDING, "scheduled", RETRYING, FAILED, SUCCEEDED)  # Heroku's
_OPEN = text("status IN ('pending', 'retrying')")
_HELD = timedelta(seconds=20)  # twice what a receiver gets
KEPT = timedelta(days=7)  # and
MOST_KEPT = 300  # of each webhook (Heroku)
MOST_OPEN = 1000  # of each webhook: more wait for no receiver


class WebhookDelivery(_Row, Base):
    """`attempt_*` are of the last attempt: `attempt_code` is the answer's status, `attempt_error` why none came."""

    __tablename__ = "webhook_deliveries"
    __table_args__ = (
        Index("webhook_deliveries_open", "webhook_id", "seq", postgresql_where=_OPEN),
        Index("webhook_deliveries_of_app", "app_id", "seq"),
        Index("webhook_deliveries_of_webhook", "webhook_id", "seq"),
    )
    seq: Mapped[int] = mapped_column(BigInteger, Identity(), unique=True)
    app_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("apps.id", ondelete="CASCADE"))
    webhook_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("webhooks.id", ondelete="CASCADE"))
    event_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("webhook_events.id", ondelete="CASCADE"), index=True)
    status: Mapped[str] = mapped_column(default=PENDING)
    num_attempts: Mapped[int] = mapped_column(default=0)
    next_attempt_at: Mapped[datetime | None]  # None: it is over
    held_until: Mapped[datetime | None]
    attempt_id: Mapped[uuid.UUID | None]
    attempt_code: Mapped[int | None]
    attempt_error: Mapped[str | None]
    attempt_at: Mapped[datetime | None]
    attempt_ended_at: Mapped[datetime | None]


Told = tuple[WebhookDelivery, WebhookEvent, Webhook]


def of_app(app_id: uuid.UUID, status: str | None = None) -> Select[tuple[WebhookDelivery]]:
    """The app's deliveries, of one status or all."""
    query = select(WebhookDelivery).where(WebhookDelivery.app_id == app_id)
    return query if status is None else query.where(WebhookDelivery.status == status)


def by_id(opened: Session, app_id: uuid.UUID, identity: str) -> WebhookDelivery | None:
    """The app's delivery with this id."""
    try:
        return opened.scalar(of_app(app_id).where(WebhookDelivery.id == uuid.UUID(identity)))
    except ValueError:
        return None


def waiting(opened: Session, webhook_id: uuid.UUID) -> int:
    """How many deliveries of the webhook are not over."""
    query = select(func.count()).where(WebhookDelivery.webhook_id == webhook_id, _OPEN)
    return opened.scalar(query.select_from(WebhookDelivery)) or 0


def take(opened: Session, most: int, busy: Collection[uuid.UUID]) -> list[Told]:
    """At most so many deliveries whose turn it is, but of no app in `busy`; they are the caller's for 20 seconds."""
    query = (
        _firsts(select(WebhookDelivery), busy)
        .where(
            WebhookDelivery.next_attempt_at <= now(),
            or_(WebhookDelivery.held_until.is_(None), WebhookDelivery.held_until < now()),
        )
        .order_by(WebhookDelivery.seq)
        .limit(most)
        .with_for_update(of=WebhookDelivery, skip_locked=True)
    )
    found = []
    for row in opened.scalars(query).all():
        row.held_until = now() + _HELD
        row.attempt_id = uuid.uuid4()
        event, webhook = opened.get_one(WebhookEvent, row.event_id), opened.get_one(Webhook, row.webhook_id)
        found.append((row, event, webhook))
    return found


def next_turn(opened: Session, busy: Collection[uuid.UUID]) -> datetime | None:
    """When the next delivery, of no app in `busy`, may be attempted; None when there is none."""
    turn = func.greatest(WebhookDelivery.next_attempt_at, WebhookDelivery.held_until)
    return opened.scalar(_firsts(select(func.min(turn)).select_from(WebhookDelivery), busy))


def _firsts(query: Select[Any], busy: Collection[uuid.UUID]) -> Select[Any]:
    """Each webhook's first delivery that is not over."""
    firsts = select(func.min(WebhookDelivery.seq).label("seq")).where(_OPEN).group_by(WebhookDelivery.webhook_id)
    found = firsts.subquery()
    return query.join(found, found.c.seq == WebhookDelivery.seq).where(WebhookDelivery.app_id.not_in(busy))


def ended(
    opened: Session,
    delivery_id: uuid.UUID,
    began: datetime,
    *,
    code: int | None,
    error: str | None,
    again_at: datetime | None,
) -> None:
    """What came of an attempt: a `code`, or an `error` where there was no answer; `again_at` says when to try again."""
    row = opened.get(WebhookDelivery, delivery_id, with_for_update=True)
    if row is None:
        return  # the webhook was removed meanwhile
    row.num_attempts += 1
    row.attempt_code, row.attempt_error, row.attempt_at, row.attempt_ended_at = code, error, began, now()
    row.held_until, row.next_attempt_at = None, again_at
    row.status = SUCCEEDED if succeeded(code) else RETRYING if again_at else FAILED


def succeeded(code: int | None) -> bool:
    """Whether an answer of this status means that the receiver has it."""
    return code is not None and 200 <= code < 300


def trim(opened: Session) -> int:
    """Delete what is over and older than a week or beyond the newest 300 of its webhook; how many there were.

    The webhooks of an app that was deleted a week ago go, too: till then they are told of it.
    """
    place = func.row_number().over(partition_by=WebhookDelivery.webhook_id, order_by=WebhookDelivery.seq.desc())
    newest = select(WebhookDelivery.id, place.label("place")).subquery()
    beyond = select(newest.c.id).where(newest.c.place > MOST_KEPT)
    old = or_(WebhookDelivery.created_at < now() - KEPT, WebhookDelivery.id.in_(beyond))
    gone = opened.execute(delete(WebhookDelivery).where(WebhookDelivery.next_attempt_at.is_(None), old)).rowcount
    ended = select(App.id).where(App.archived_at < now() - KEPT)
    opened.execute(delete(Webhook).where(Webhook.app_id.in_(ended)))
    told = exists().where(WebhookDelivery.event_id == WebhookEvent.id)
    recent = WebhookEvent.created_at >= now() - timedelta(hours=1)
    opened.execute(delete(WebhookEvent).where(~told, ~recent))
    return gone
