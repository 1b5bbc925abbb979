"""Reading releases. They are made in `hokku.release`, and their status and image are set by the manifold."""

from __future__ import annotations

import uuid
from collections.abc import Collection

from sqlalchemy import Select, func, select, update
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.orm import Session

from hokku.store.tables import App, Release, ReleaseStatus, Slug


def newest(opened: Session, app_id: uuid.UUID) -> Release | None:
    """The newest release that did not fail: what the next one is built on (its slug and config vars)."""
    return opened.scalar(
        select(Release)
        .where(Release.app_id == app_id, Release.status != ReleaseStatus.FAILED)
        .order_by(Release.version.desc())
        .limit(1)
    )


def newest_version_of(opened: Session, slug_id: uuid.UUID) -> int | None:
    """The version of the newest release of the slug; None when it was never released."""
    return opened.scalar(select(func.max(Release.version)).where(Release.slug_id == slug_id))


def current(opened: Session, app_id: uuid.UUID) -> Release | None:
    """The newest release that succeeded: what users are served."""
    return opened.scalar(
        select(Release)
        .where(Release.app_id == app_id, Release.status == ReleaseStatus.SUCCEEDED)
        .order_by(Release.version.desc())
        .limit(1)
    )


def next_version(opened: Session, app_id: uuid.UUID) -> int:
    """The version of the app's next release; it stays that while the app is locked."""
    return (opened.scalar(select(func.max(Release.version)).where(Release.app_id == app_id)) or 0) + 1


def by_identity(opened: Session, app_id: uuid.UUID, identity: str) -> Release | None:
    """The app's release with this id or version (`7` or `v7`)."""
    query = select(Release).where(Release.app_id == app_id)
    try:
        return opened.scalar(query.where(Release.id == uuid.UUID(identity)))
    except ValueError:
        number = identity.removeprefix("v")
        if not number.isascii() or not number.isdigit() or len(number) > 9:
            return None
        return opened.scalar(query.where(Release.version == int(number)))


def has_slug_release(opened: Session, app_id: uuid.UUID) -> bool:
    """Whether the app ever had a release with a slug."""
    query = select(Release.id).where(Release.app_id == app_id, Release.slug_id.is_not(None)).limit(1)
    return opened.scalar(query) is not None


def slug_of(opened: Session, release: Release | None) -> Slug | None:
    """The slug of the release, if it has one."""
    return opened.get(Slug, release.slug_id) if release is not None and release.slug_id else None


def eligible(opened: Session, rows: Collection[Release]) -> set[uuid.UUID]:
    """The ids of those releases that can be rolled back to: they have a slug that is kept, and did not fail."""
    ran = {row.id: row.slug_id for row in rows if row.slug_id is not None and row.status is not ReleaseStatus.FAILED}
    kept = set(opened.scalars(select(Slug.id).where(Slug.id.in_(ran.values()), Slug.deleted_at.is_(None))))
    return {release_id for release_id, slug_id in ran.items() if slug_id in kept}


def of_app(app_id: uuid.UUID) -> Select[tuple[Release]]:
    """The app's releases."""
    return select(Release).where(Release.app_id == app_id)


def versions(opened: Session, ids: Collection[uuid.UUID]) -> dict[uuid.UUID, int]:
    """The versions of the releases with these ids."""
    found = opened.execute(select(Release.id, Release.version).where(Release.id.in_(ids)))
    return {release_id: version for release_id, version in found}


def current_slugs(opened: Session, app_ids: Collection[uuid.UUID]) -> dict[uuid.UUID, Slug]:
    """What each of the apps serves, by the app's id, in one query; an app that serves nothing is left out."""
    newest_ones = (
        select(Release.app_id, Release.slug_id)
        .ext(distinct_on(Release.app_id))
        .where(Release.app_id.in_(app_ids), Release.status == ReleaseStatus.SUCCEEDED)
        .order_by(Release.app_id, Release.version.desc())
        .subquery()
    )
    found = opened.execute(select(newest_ones.c.app_id, Slug).join(Slug, Slug.id == newest_ones.c.slug_id))
    return {app_id: slug for app_id, slug in found}


def pin(opened: Session, release_id: uuid.UUID, before: str | None, image: str) -> str | None:
    """Have the release run on this image if it is still meant to run on `before`; what it is to run on now.

    Two hosts may make their templates of it at the same time: the first one decides. None when the release is gone.
    """
    query = update(Release).where(Release.id == release_id, Release.image.is_not_distinct_from(before))
    opened.execute(query.values(image=image))
    return opened.scalar(select(Release.image).where(Release.id == release_id))


def images(opened: Session) -> set[str]:
    """The fingerprints of the images of all releases that can run again: they did not fail, and their slug is kept."""
    query = (
        select(Release.image)
        .distinct()
        .join(App, App.id == Release.app_id)
        .join(Slug, Slug.id == Release.slug_id)
        .where(App.archived_at.is_(None), Slug.sha256.is_not(None), Release.image.is_not(None))
        .where(Release.status != ReleaseStatus.FAILED)
    )
    return {image for image in opened.scalars(query) if image is not None}
