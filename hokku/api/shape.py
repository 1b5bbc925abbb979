"""What Heroku's JSON has everywhere: times, references, ids of things that have no row."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime
from typing import Any

from hokku.store.tables import Account, App

Json = dict[str, Any]
_SPACE = uuid.UUID("6f2b8c4e-35f5-4d0a-9c55-2b6f6a1d3c10")


def at(moment: datetime | None) -> str | None:
    """A time in UTC with seconds, as Heroku writes it: 2012-01-01T12:00:00Z."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ") if moment else None


def stamps(row: Any) -> Json:
    """id, created_at and updated_at of a row."""
    return {"id": str(row.id), "created_at": at(row.created_at), "updated_at": at(row.updated_at)}


def named(kind: str, name: str) -> Json:
    """A reference to something known by its name only (a stack, a region, a size), with an id that never changes."""
    return {"id": str(uuid.uuid5(_SPACE, f"{kind}/{name}")), "name": name}


def app_ref(app: App) -> Json:
    """A reference to an app."""
    return {"id": str(app.id), "name": app.name}


def user_ref(account: Account | None) -> Json:
    """A reference to an account; what an account that is gone did stays readable."""
    if account is None:
        return {"id": str(uuid.UUID(int=0)), "email": "deleted@account.invalid"}
    return {"id": str(account.id), "email": account.email}


def size_name(size: str) -> str:
    """A dyno size as users see it: `standard-1x` is `Standard-1X`."""
    return size.title().replace("-Ram", "-RAM").replace("Xl", "XL")
