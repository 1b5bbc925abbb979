"""Which backend of the routers' pool each app has: the same on every router, and never two apps' at once."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Sequence

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from hokku.store.tables import RouteBackend


def load(opened: Session) -> dict[uuid.UUID, str]:
    """Backend by app."""
    return {row.app_id: row.backend for row in opened.scalars(select(RouteBackend))}


def assign(opened: Session, app_ids: Iterable[uuid.UUID], backends: Sequence[str]) -> dict[uuid.UUID, str]:
    """Give each of these apps a backend that no app has; returns what was given, less when the pool is exhausted."""
    taken = load(opened)
    free = iter(sorted(set(backends) - set(taken.values()), key=backends.index))
    given = {}
    for app_id in app_ids:
        if app_id not in taken and (backend := next(free, None)) is not None:
            given[app_id] = backend
            opened.add(RouteBackend(app_id=app_id, backend=backend))
    opened.flush()
    return given


def release(opened: Session, app_id: uuid.UUID) -> None:
    """The app's backend is free again: to be called only when no router routes to it any more."""
    opened.execute(delete(RouteBackend).where(RouteBackend.app_id == app_id))
