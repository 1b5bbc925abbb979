"""Formations: how many dynos of each type are wanted.

A row outlives a release whose slug no longer has its type, so that a rollback finds the old quantities again; only the
types of the slug count.
"""

from __future__ import annotations

import uuid

from sqlalchemy import select
from sqlalchemy.orm import Session

from hokku.settings import settings
from hokku.store.tables import Formation, Slug


def of_app(opened: Session, app_id: uuid.UUID) -> dict[str, Formation]:
    """The app's formation rows by type."""
    rows = opened.scalars(select(Formation).where(Formation.app_id == app_id).order_by(Formation.type))
    return {row.type: row for row in rows}


def fit(opened: Session, app_id: uuid.UUID, slug: Slug, *, first: bool) -> None:
    """Give each process type of the slug a row. The app's `first` slug starts with one web dyno, as on Heroku."""
    rows = of_app(opened, app_id)
    for kind in slug.process_types:
        if kind not in rows:
            quantity = 1 if first and kind == "web" else 0
            opened.add(Formation(app_id=app_id, type=kind, quantity=quantity, size=settings().default_size))
    opened.flush()
