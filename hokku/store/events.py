"""Who did what, when, from where."""

from __future__ import annotations

import uuid
from typing import Any

from sqlalchemy.orm import Session

from hokku.store.tables import Event


def record(
    opened: Session,
    action: str,
    *,
    app_id: uuid.UUID | None = None,
    account_id: uuid.UUID | None = None,
    address: str | None = None,
    **data: Any,
) -> None:
    """Keep an event in this transaction. `data` must hold no secret: names of config vars, never their values."""
    opened.add(Event(action=action, app_id=app_id, account_id=account_id, address=address, data=data))
