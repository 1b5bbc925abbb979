"""How far the manifold is with each app's newest release, and the verdict on it."""

from __future__ import annotations

import uuid
from collections.abc import Collection, Mapping

from sqlalchemy import select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from hokku.store.engine import ROLLOUT, notify
from hokku.store.tables import Release, ReleaseStatus, Rollout, now

ROLLING, SERVING, FAILED = "rolling", "serving", "failed"


def load(opened: Session, app_ids: Collection[uuid.UUID] | None = None) -> dict[uuid.UUID, Rollout]:
    """The rollouts of these apps, or of all, by app."""
    query = select(Rollout)
    if app_ids is not None:
        query = query.where(Rollout.app_id.in_(app_ids))
    return {row.app_id: row for row in opened.scalars(query)}


def write(
    opened: Session,
    app_id: uuid.UUID,
    release_id: uuid.UUID,
    state: str,
    reason: str | None = None,
    timings: Mapping[str, float] | None = None,
) -> None:
    """Set the app's rollout and tell who waits for it. `timings` are seconds: place, boot, routed."""
    values = {
        "release_id": release_id, "state": state, "reason": reason, "timings": dict(timings or {}), "updated_at": now(),
    }  # fmt: skip
    query = insert(Rollout).values(app_id=app_id, **values)
    opened.execute(query.on_conflict_do_update(index_elements=[Rollout.app_id], set_=values))
    notify(opened, ROLLOUT, app_id)


def explain(opened: Session, app_id: uuid.UUID, reason: str | None) -> None:
    """Say why the rollout does not get further, without changing its state."""
    opened.execute(update(Rollout).where(Rollout.app_id == app_id).values(reason=reason, updated_at=now()))
    notify(opened, ROLLOUT, app_id)


def decide(opened: Session, release_id: uuid.UUID, status: ReleaseStatus, error: str | None = None) -> None:
    """Give a waiting release its verdict; one that has a verdict keeps it."""
    opened.execute(
        update(Release)
        .where(Release.id == release_id, Release.status == ReleaseStatus.PENDING)
        .values(status=status, error=error, updated_at=now())
    )
