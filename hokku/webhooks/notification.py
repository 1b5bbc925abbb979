"""What a receiver gets: the body, and its signature. Pure."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import uuid
from datetime import UTC, datetime
from typing import Any

from hokku import __version__


def body(
    *,
    event_id: uuid.UUID,
    include: str,
    payload: dict[str, Any],
    happened: datetime,
    webhook_id: uuid.UUID,
    delivery_id: uuid.UUID,
    attempt_id: uuid.UUID,
) -> bytes:
    """Heroku's JSON, written as JavaScript writes it: receivers there sign what they parsed."""
    at = happened.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    told = {
        "id": str(event_id),
        "data": payload["data"],
        "actor": payload["actor"],
        "action": payload["action"],
        "version": payload["version"],
        "resource": payload["resource"],
        "sequence": None,
        "created_at": at,
        "updated_at": at,
        "published_at": at,
        "previous_data": payload["previous_data"],
        "webhook_metadata": {
            "attempt": {"id": str(attempt_id)},
            "delivery": {"id": str(delivery_id)},
            "event": {"id": str(event_id), "include": include},
            "webhook": {"id": str(webhook_id)},
        },
    }
    return json.dumps(told, separators=(",", ":"), ensure_ascii=False).encode()


def headers(signed: bytes, secret: str, authorization: str | None) -> dict[str, str]:
    """The headers; the signature is the base64 of the body's HMAC-SHA256."""
    digest = hmac.new(secret.encode(), signed, hashlib.sha256).digest()
    made = {
        "Content-Type": "application/json",
        "Heroku-Webhook-Hmac-SHA256": base64.b64encode(digest).decode(),
        "User-Agent": f"Hokku-Webhooks/{__version__}",
    }
    return made | ({"Authorization": authorization} if authorization else {})
