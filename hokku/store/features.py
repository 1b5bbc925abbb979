"""What an app can have on or off. Each switch is kept, so that a release runs with what was on when it was made."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ForeignKey, Index, select
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.orm import Mapped, Session, mapped_column

from hokku.store.tables import App, Base, _Row


@dataclass(frozen=True)
class Feature:
    """A feature of apps. `state` is general (`heroku features`) or public (`heroku labs`); a `fixed` one stays on."""

    name: str
    title: str
    description: str
    doc_url: str
    state: str
    default: bool
    fixed: bool = False


PREBOOT = Feature(
    "preboot",
    "Preboot",
    "The old web dynos serve until the new ones do. Always on: this platform deploys in no other way.",
    "https://devcenter.heroku.com/articles/preboot",
    "general",
    default=True,
    fixed=True,
)
METADATA = Feature(
    "runtime-dyno-metadata",
    "Dyno metadata",
    "Dynos find app, release and commit in HEROKU_* variables. A change takes effect with the next release.",
    "https://devcenter.heroku.com/articles/dyno-metadata",
    "public",
    default=True,
)
METRICS = Feature(
    "log-runtime-metrics",
    "Runtime metrics in the log",
    "The memory that each dyno uses is written to the log every 20 seconds.",
    "https://devcenter.heroku.com/articles/log-runtime-metrics",
    "public",
    default=False,
)
ALL = (PREBOOT, METADATA, METRICS)


class Switch(_Row, Base):
    """A feature of an app turned on or off, at `created_at`."""

    __tablename__ = "feature_switches"
    __table_args__ = (Index("feature_switches_app", "app_id", "name", "created_at"),)
    app_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("apps.id", ondelete="CASCADE"))
    name: Mapped[str]
    enabled: Mapped[bool]


def last(opened: Session, app_id: uuid.UUID, feature: Feature, moment: datetime | None = None) -> Switch | None:
    """The last time the app's feature was switched, or the last time before `moment`."""
    query = select(Switch).where(Switch.app_id == app_id, Switch.name == feature.name)
    if moment is not None:
        query = query.where(Switch.created_at <= moment)
    return opened.scalar(query.order_by(Switch.created_at.desc()).limit(1))


def enabled(opened: Session, app_id: uuid.UUID, feature: Feature, moment: datetime | None = None) -> bool:
    """Whether the app's feature is on, or was at `moment`."""
    found = last(opened, app_id, feature, moment)
    return feature.default if found is None else found.enabled


def apps_with(opened: Session, feature: Feature) -> set[uuid.UUID]:
    """The apps that have turned on a feature that is off by default."""
    newest = (
        select(Switch.app_id, Switch.enabled)
        .ext(distinct_on(Switch.app_id))
        .where(Switch.name == feature.name)
        .order_by(Switch.app_id, Switch.created_at.desc())
        .subquery()
    )
    query = select(newest.c.app_id).join(App, App.id == newest.c.app_id)
    return set(opened.scalars(query.where(newest.c.enabled, App.archived_at.is_(None))))
