"""Webhooks: who wants to be told of which changes; the changes, as the database itself notes them; their events.

Triggers (migration `webhooks`) note each change of a row of an app that has webhooks in `webhook_changes`, in the same
transaction, whoever makes it. `hokku.webhooks.expand` makes events and deliveries of them.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Collection, Iterable
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import BigInteger, ForeignKey, Identity, Index, Select, delete, func, select, text
from sqlalchemy.orm import Mapped, Session, mapped_column

from hokku.store import sealed
from hokku.store.tables import App, Base, _Row, now

_EXPANDING = 0x686F6B77  # the advisory lock of whoever makes events of changes: they keep their order
_OLDEST_CHANGE = timedelta(days=3)  # Heroku tells nothing that is older


class Webhook(_Row, Base):
    """`include` names entities, `level` is notify or sync. URL, secret and authorization are sealed."""

    __tablename__ = "webhooks"
    app_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("apps.id", ondelete="CASCADE"), index=True)
    include: Mapped[list]
    level: Mapped[str]
    url_sealed: Mapped[str]
    secret_sealed: Mapped[str]
    authorization_sealed: Mapped[str | None]

    @property
    def url(self) -> str:
        """Where notifications go."""
        return sealed.unseal(self.url_sealed)


class WebhookChange(Base):
    """A row of `entity` (a table) before and after. `actor_id` is the account that changed it, if one did."""

    __tablename__ = "webhook_changes"
    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    app_id: Mapped[uuid.UUID]
    entity: Mapped[str]
    before: Mapped[dict | None]
    after: Mapped[dict | None]
    actor_id: Mapped[uuid.UUID | None]
    at: Mapped[datetime]


class WebhookEvent(_Row, Base):
    """What happened, as receivers are told. Sealed: a one-off dyno's command may be in it."""

    __tablename__ = "webhook_events"
    __table_args__ = (Index("webhook_events_of_app", "app_id", "created_at"),)
    app_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("apps.id", ondelete="CASCADE"))
    include: Mapped[str]
    payload_sealed: Mapped[str]

    @property
    def payload(self) -> dict[str, Any]:
        """action, actor, data, previous_data, resource and version."""
        return json.loads(sealed.unseal(self.payload_sealed))


def levels(opened: Session, ids: Collection[uuid.UUID]) -> dict[uuid.UUID, str]:
    """The levels of the webhooks with these ids."""
    found = opened.execute(select(Webhook.id, Webhook.level).where(Webhook.id.in_(ids)))
    return {webhook_id: level for webhook_id, level in found}


def events(app_id: uuid.UUID) -> Select[tuple[WebhookEvent]]:
    """What receivers of the app's webhooks were told."""
    return select(WebhookEvent).where(WebhookEvent.app_id == app_id)


def includes(opened: Session, event_ids: Collection[uuid.UUID]) -> dict[uuid.UUID, str]:
    """Which entity each of the events with these ids is of."""
    found = opened.execute(select(WebhookEvent.id, WebhookEvent.include).where(WebhookEvent.id.in_(event_ids)))
    return {event_id: include for event_id, include in found}


def of_app(opened: Session, app_id: uuid.UUID, lock: bool = False) -> list[Webhook]:
    """The app's webhooks, oldest first; with `lock` nobody else adds one until this transaction ends."""
    if lock:
        opened.execute(select(App.id).where(App.id == app_id).with_for_update())
    return list(opened.scalars(select(Webhook).where(Webhook.app_id == app_id).order_by(Webhook.created_at)))


def by_id(opened: Session, app_id: uuid.UUID, identity: str) -> Webhook | None:
    """The app's webhook with this id."""
    try:
        return opened.scalar(select(Webhook).where(Webhook.app_id == app_id, Webhook.id == uuid.UUID(identity)))
    except ValueError:
        return None


def event(opened: Session, app_id: uuid.UUID, identity: str) -> WebhookEvent | None:
    """The app's event with this id."""
    query = select(WebhookEvent).where(WebhookEvent.app_id == app_id)
    try:
        return opened.scalar(query.where(WebhookEvent.id == uuid.UUID(identity)))
    except ValueError:
        return None


def act_as(opened: Session, account_id: uuid.UUID) -> None:
    """Changes of this transaction are this account's."""
    opened.execute(text("SELECT set_config('hokku.actor', :id, true)"), {"id": str(account_id)})


def changes(opened: Session, most: int) -> list[WebhookChange] | None:
    """The oldest changes nobody has made events of; None while another process does. They are this transaction's."""
    if not opened.scalar(select(func.pg_try_advisory_xact_lock(_EXPANDING))):
        return None
    opened.execute(delete(WebhookChange).where(WebhookChange.at < now() - _OLDEST_CHANGE))
    return list(opened.scalars(select(WebhookChange).order_by(WebhookChange.id).limit(most)))


def ending(opened: Session, app_id: uuid.UUID) -> WebhookChange | None:
    """The change that deleted the app, while it has no event yet."""
    query = select(WebhookChange).where(WebhookChange.app_id == app_id, WebhookChange.entity == "apps")
    ended = WebhookChange.after["archived_at"].astext.is_not(None)
    return opened.scalar(query.where(ended).order_by(WebhookChange.id).limit(1))


def forget_changes(opened: Session, done: Iterable[int]) -> None:
    """These changes have their events."""
    opened.execute(delete(WebhookChange).where(WebhookChange.id.in_(list(done))))
