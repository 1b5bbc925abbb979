"""Rows that nothing needs any more, and the content of slugs that nobody refers to.

It is safe whatever runs at the same time, on how many hosts ever:

- A release is made under a lock of its app's row (`hokku.release.cut`), and only of a slug that is kept. Slugs are
  given up under the same lock. So what a release refers to when it is made was kept, and stays kept.
- Content is removed under a lock of its row, when no slug that is kept refers to it. Who makes such a slug holds the
  same row first, and finds the file there or refuses (`slugs.hold`); `slugs.keep` holds it while it writes the file.
- Content that was written lately stays: a build writes it before it makes the slug.
- Files that no row of `slug_contents` knows are nobody's garbage: the platform did not write them, or was restored.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Collection
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, delete, exists, func, or_, select, update
from sqlalchemy.orm import Session

from hokku.store.oneoffs import Oneoff
from hokku.store.phases import Phase
from hokku.store.tables import (
    App,
    Build,
    BuildStatus,
    Config,
    Dyno,
    DynoState,
    Event,
    Release,
    ReleaseStatus,
    Rollout,
    RouteBackend,
    Slug,
    SlugContent,
    now,
)

GRACE = timedelta(minutes=10)  # that content has between being written and a slug that refers to it
_MARGIN = timedelta(minutes=5)  # by which clocks of hosts may differ
_BUILDS = 1000  # builds of an app that stay listed


def changed(opened: Session, since: datetime | None) -> list[uuid.UUID]:
    """The apps that made a release or were deleted since then, or all."""
    query = select(App.id).order_by(App.id)
    if since is not None:
        query = query.where(or_(App.released_at > since - _MARGIN, App.archived_at > since - _MARGIN))
    return list(opened.scalars(query))


def busy(opened: Session, app: App) -> set[uuid.UUID]:
    """The app's releases that are at work: with a phase, a build, a rollout, a dyno or a wish for one."""
    at_work = [
        select(Phase.release_id).where(Phase.app_id == app.id, Phase.ended_at.is_(None)),
        select(Build.release_id).where(Build.app_id == app.id, Build.status == BuildStatus.PENDING),
        select(Dyno.release_id).where(Dyno.app_id == app.id, Dyno.state != DynoState.STOPPED),
        select(Oneoff.release_id).where(Oneoff.app_id == app.id, Oneoff.ended_at.is_(None)),
    ]
    if app.archived_at is None:  # the rollout of a deleted app stays as it was
        at_work.append(select(Rollout.release_id).where(Rollout.app_id == app.id))
    return {release_id for query in at_work for release_id in opened.scalars(query) if release_id is not None}


def releases(opened: Session, app_id: uuid.UUID) -> list[tuple[uuid.UUID, int, uuid.UUID | None, ReleaseStatus]]:
    """Id, version, slug and status of each of the app's releases, without what else is in their rows."""
    columns = select(Release.id, Release.version, Release.slug_id, Release.status)
    return [tuple(row) for row in opened.execute(columns.where(Release.app_id == app_id))]


def kept_slugs(opened: Session, app_id: uuid.UUID) -> list[tuple[uuid.UUID, datetime]]:
    """Each of the app's slugs that is kept, and since when it is as it is."""
    columns = select(Slug.id, Slug.updated_at).where(Slug.app_id == app_id, Slug.deleted_at.is_(None))
    return [tuple(row) for row in opened.execute(columns)]


def give_up(opened: Session, slug_ids: Collection[uuid.UUID]) -> None:
    """These slugs cannot be released any more. One that is being promoted at this moment is left for the next time."""
    free = select(Slug.id).where(Slug.id.in_(slug_ids), Slug.deleted_at.is_(None)).with_for_update(skip_locked=True)
    checksum = func.coalesce("SHA256:" + Slug.sha256, Slug.checksum)
    values = {"deleted_at": now(), "checksum": checksum}
    opened.execute(update(Slug).where(Slug.id.in_(list(opened.scalars(free)))).values(values))


def forget(opened: Session, app_id: uuid.UUID, release_ids: Collection[uuid.UUID]) -> None:
    """Delete these releases, and what no release and no build of the locked app refers to any more."""
    opened.execute(delete(Release).where(Release.id.in_(release_ids)))
    of_release = exists().where(Release.config_id == Config.id)
    opened.execute(delete(Config).where(Config.app_id == app_id, ~of_release))
    of_release = exists().where(Release.slug_id == Slug.id)
    going = (Slug.deleted_at.is_not(None), Slug.sha256.is_(None))
    opened.execute(delete(Slug).where(Slug.app_id == app_id, *going, ~of_release))
    place = func.row_number().over(order_by=Build.created_at.desc())
    ranked = select(Build.id, Build.status, place.label("place")).where(Build.app_id == app_id).subquery()
    old = select(ranked.c.id).where(ranked.c.place > _BUILDS, ranked.c.status != BuildStatus.PENDING)
    opened.execute(delete(Build).where(Build.id.in_(old)))


def going(opened: Session) -> list[str]:
    """The SHA-256 of content that slugs which were given up still name."""
    query = select(Slug.sha256).where(Slug.deleted_at.is_not(None), Slug.sha256.is_not(None)).distinct()
    return [sha256 for sha256 in opened.scalars(query) if sha256 is not None]


def strays(opened: Session, grace: timedelta = GRACE) -> list[str]:
    """The SHA-256 of content that no slug names: a build ended before it made one."""
    named = exists().where(Slug.sha256 == SlugContent.sha256)
    return list(opened.scalars(select(SlugContent.sha256).where(~named, _settled(grace))))


def let_go(opened: Session, sha256: str, remove: Callable[[str], None], grace: timedelta = GRACE) -> bool:
    """Have `remove` take the content away if no slug that is kept refers to it; whether it did.

    Otherwise slugs that were given up stop naming it. Content that somebody holds is left for the next time.
    """
    query = select(SlugContent).where(SlugContent.sha256 == sha256, _settled(grace))
    content = opened.scalar(query.with_for_update(skip_locked=True))
    if content is None:
        return False
    if opened.scalar(select(Slug.id).where(Slug.sha256 == sha256, Slug.deleted_at.is_(None)).limit(1)) is not None:
        opened.execute(update(Slug).where(Slug.sha256 == sha256, Slug.deleted_at.is_not(None)).values(sha256=None))
        return False
    remove(sha256)  # before the row: when this breaks off, the next time finds it
    opened.execute(delete(SlugContent).where(SlugContent.sha256 == sha256))
    return True


def _settled(grace: timedelta) -> ColumnElement[bool]:
    return SlugContent.kept_at <= func.clock_timestamp() - grace


def purge_apps(opened: Session, age: timedelta) -> int:
    """Delete the rows of apps that were deleted longer than `age` ago, once nothing of them is left; how many."""
    left = (
        exists().where(Slug.app_id == App.id, Slug.sha256.is_not(None)),
        exists().where(Dyno.app_id == App.id),
        exists().where(Oneoff.app_id == App.id),
        exists().where(RouteBackend.app_id == App.id),
        exists().where(Build.app_id == App.id, Build.status == BuildStatus.PENDING),
    )
    gone = delete(App).where(App.archived_at < now() - age, *(~each for each in left))
    return opened.execute(gone).rowcount


def trim_events(opened: Session, age: timedelta) -> int:
    """Delete events older than that; how many there were."""
    return opened.execute(delete(Event).where(Event.created_at < now() - age)).rowcount
