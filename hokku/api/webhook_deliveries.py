"""/apps/A/webhook-deliveries and /apps/A/webhook-events: what receivers were told, and how it went."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Request, Response
from sqlalchemy.orm import Session

from hokku.api import answers
from hokku.api.access import Opened, UsableApp
from hokku.api.ranges import page
from hokku.api.shape import at, stamps
from hokku.errors import InvalidParams, NotFound
from hokku.store import webhook_deliveries, webhooks
from hokku.store.webhook_deliveries import STATUSES, WebhookDelivery
from hokku.store.webhooks import WebhookEvent

router = APIRouter(prefix="/apps/{app}")
_DELIVERIES = {"seq": WebhookDelivery.seq, "id": WebhookDelivery.id, "created_at": WebhookDelivery.created_at}
_EVENTS = {"created_at": WebhookEvent.created_at, "id": WebhookEvent.id}


def shapes(opened: Session, rows: list[WebhookDelivery]) -> list[answers.WebhookDelivery]:
    """Deliveries as Heroku shows them: two queries, however many they are."""
    includes = webhooks.includes(opened, {row.event_id for row in rows})
    levels = webhooks.levels(opened, {row.webhook_id for row in rows})
    return [
        stamps(row)
        | {
            "event": {"id": str(row.event_id), "include": includes[row.event_id]},
            "last_attempt": _attempt(row),
            "next_attempt_at": at(row.next_attempt_at),
            "num_attempts": row.num_attempts,
            "status": row.status,
            "webhook": {"id": str(row.webhook_id), "level": levels[row.webhook_id]},
        }
        for row in rows
    ]


def _attempt(row: WebhookDelivery) -> answers.WebhookDelivery | None:
    if row.attempt_id is None or row.attempt_at is None:
        return None
    succeeded = webhook_deliveries.succeeded(row.attempt_code)
    return {
        "id": str(row.attempt_id),
        "code": row.attempt_code,
        "created_at": at(row.attempt_at),
        "error_class": row.attempt_error,
        "status": "succeeded" if succeeded else "failed",
        "updated_at": at(row.attempt_ended_at),
    }


def shape(row: WebhookEvent) -> answers.WebhookEvent:
    """An event as Heroku shows it."""
    return stamps(row) | {"include": row.include, "payload": row.payload}


@router.get("/webhook-deliveries")
def deliveries(
    app: UsableApp,
    request: Request,
    response: Response,
    opened: Opened,
    status: Annotated[str | None, Query(alias="eq[status]", description="only those of this status")] = None,
) -> list[answers.WebhookDelivery]:
    """The deliveries of the last week, of each webhook the newest 300."""
    if status is not None and status not in STATUSES:
        raise InvalidParams(f"{status[:80]!r} is not a status of deliveries. Use one of {', '.join(STATUSES)}.")
    query = webhook_deliveries.of_app(app.id, status)
    return shapes(opened, page(opened, request, response, query, _DELIVERIES))


@router.get("/webhook-deliveries/{delivery}")
def delivery(app: UsableApp, delivery: str, opened: Opened) -> answers.WebhookDelivery:
    """One delivery, by id."""
    row = webhook_deliveries.by_id(opened, app.id, delivery)
    if row is None:
        raise NotFound("Couldn't find that webhook delivery.", "webhook_delivery")
    return shapes(opened, [row])[0]


@router.get("/webhook-events")
def events(app: UsableApp, request: Request, response: Response, opened: Opened) -> list[answers.WebhookEvent]:
    """What receivers were told of in the last week."""
    return [shape(row) for row in page(opened, request, response, webhooks.events(app.id), _EVENTS)]


@router.get("/webhook-events/{event}")
def event(app: UsableApp, event: str, opened: Opened) -> answers.WebhookEvent:
    """One event, by id."""
    row = webhooks.event(opened, app.id, event)
    if row is None:
        raise NotFound("Couldn't find that webhook event.", "webhook_event")
    return shape(row)
