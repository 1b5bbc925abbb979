"""Changes become events, and deliveries to the webhooks that include them."""

from __future__ import annotations

import json
import logging
import uuid
from collections.abc import Callable
from datetime import datetime
from typing import Any

from sqlalchemy import inspect
from sqlalchemy.orm import Session

from hokku.store import webhook_deliveries, webhooks
from hokku.store.engine import session
from hokku.store.sealed import seal
from hokku.store.tables import Account, App, Base, now
from hokku.store.webhook_deliveries import FAILED, MOST_OPEN, PENDING, WebhookDelivery
from hokku.store.webhooks import Webhook, WebhookChange, WebhookEvent
from hokku.webhooks.entities import Happening, happening

_log = logging.getLogger(__name__)
_MOST = 200
VERSION = "application/vnd.heroku+json; version=3"

Render = Callable[[Session, App, Any], dict[str, Any]]  # what the API shows of a row of the app


def expand(opened: Session, renderers: dict[str, tuple[type[Base], Render]]) -> bool:
    """Make events of the oldest changes; whether there may be more. `renderers` are by table."""
    changes = webhooks.changes(opened, _MOST)
    if not changes:
        return False
    for change in changes:
        try:
            with opened.begin_nested():
                _expand(opened, change, renderers)
        except Exception:  # whatever it is, it must not keep every other app's changes waiting
            _log.exception("a change of %s of app %s is told to no webhook", change.entity, change.app_id)
    webhooks.forget_changes(opened, [change.id for change in changes])
    return len(changes) == _MOST


def _expand(opened: Session, change: WebhookChange, renderers: dict[str, tuple[type[Base], Render]]) -> None:
    app = opened.get(App, change.app_id)
    hooks = webhooks.of_app(opened, change.app_id)
    if app is not None and app.archived_at is not None:
        app = _as_it_was(opened, change)
    if app is None or not hooks:
        return
    model, render = renderers[change.entity]

    def shown(seen: Session, row: dict[str, Any] | None) -> dict[str, Any] | None:
        if row is None:
            return None
        alive = revive(model, row)
        return render(seen, alive if isinstance(alive, App) else app, alive)

    # What is around the row must be the same both times, or a difference is told that this change did not make.
    with session(snapshot=True) as seen:
        before, after = shown(seen, change.before), shown(seen, change.after)
    found = happening(change.entity, before, after, (change.before, change.after))
    if found is not None:
        for include in found.includes:
            listening = [hook for hook in hooks if include in hook.include]
            if listening:
                _tell(opened, change, app, found, include, listening)


def _as_it_was(opened: Session, change: WebhookChange) -> App | None:
    """An app that was deleted since, with its name; None when the change came after that."""
    ending = webhooks.ending(opened, change.app_id)
    return revive(App, ending.before) if ending is not None and change.id <= ending.id else None


def _tell(
    opened: Session, change: WebhookChange, app: App, found: Happening, include: str, listening: list[Webhook]
) -> None:
    payload = {
        "action": found.action,
        "actor": _actor(opened, change, app),
        "data": found.data,
        "previous_data": found.previous,
        "resource": found.resource,
        "version": VERSION,
    }
    event = WebhookEvent(app_id=app.id, include=include, payload_sealed=seal(json.dumps(payload)))
    event.created_at = event.updated_at = change.at
    opened.add(event)
    opened.flush()
    for hook in listening:
        full = webhook_deliveries.waiting(opened, hook.id) >= MOST_OPEN
        row = WebhookDelivery(app_id=app.id, webhook_id=hook.id, event_id=event.id, status=FAILED if full else PENDING)
        if full:
            row.attempt_id, row.attempt_error = uuid.uuid4(), "Backlog"
            row.attempt_at = row.attempt_ended_at = now()
        else:
            row.next_attempt_at = now()
        opened.add(row)
        opened.flush()


def _actor(opened: Session, change: WebhookChange, app: App) -> dict[str, str]:
    row = change.after or change.before or {}
    known = change.actor_id or row.get("account_id") or app.owner_id
    account = opened.get(Account, uuid.UUID(str(known))) or opened.get_one(Account, app.owner_id)
    return {"email": account.email, "id": str(account.id)}


def revive(model: type[Base], row: dict[str, Any]) -> Any:
    """A row as PostgreSQL's to_jsonb gave it, as an object that belongs to no session."""
    values = {}
    for column in inspect(model).columns:
        value, kind = row.get(column.key), column.type.python_type
        if value is not None and kind is uuid.UUID:
            value = uuid.UUID(value)
        elif value is not None and kind is datetime:
            value = datetime.fromisoformat(value)
        elif value is not None and hasattr(column.type, "enum_class") and column.type.enum_class:
            value = column.type.enum_class(value)
        values[column.key] = value
    return model(**values)
