"""Apps, slugs and releases without the API, and what must be true of them at any moment."""

from __future__ import annotations

import uuid
from datetime import timedelta

from sqlalchemy import select

from hokku import release as cut
from hokku.build import garbage
from hokku.store import releases, rollouts, slugs
from hokku.store.engine import session
from hokku.store.tables import Account, App, Release, ReleaseStatus, Slug

KEEP = 3
NOTHING = timedelta(0)


def new_app() -> uuid.UUID:
    with session() as opened:
        account = Account(email=f"{uuid.uuid4()}@example.org", password_hash="x")
        opened.add(account)
        opened.flush()
        made = App(name=f"g{uuid.uuid4().hex[:12]}", owner_id=account.id, stack="debian-12")
        opened.add(made)
        opened.flush()
        cut.first(opened, made, account.id)
        return made.id


def kept(content: bytes | None = None) -> slugs.Stored:
    return slugs.keep([content or uuid.uuid4().bytes], 100)


def slug(opened, app_id, stored, **types) -> Slug:
    return slugs.create(opened, app_id, stored, stack="debian-12", process_types={"web": "x"} | types)


def deploy(app_id, stored=None, **types) -> uuid.UUID:
    """The id of a release that waits, of new content unless it is given."""
    stored = stored or kept()
    with session() as opened:
        return cut.deploy(opened, opened.get_one(App, app_id), slug(opened, app_id, stored, **types), None).id


def decide(release_id, status=ReleaseStatus.SUCCEEDED) -> None:
    with session() as opened:
        rollouts.decide(opened, release_id, status, None if status is ReleaseStatus.SUCCEEDED else "it crashed")


def roll_back(app_id, release_id) -> uuid.UUID:
    with session() as opened:
        return cut.rollback(opened, opened.get_one(App, app_id), opened.get_one(Release, release_id), None).id


def promote(opened, source_id, release_id, target_id) -> Release:
    source, target = (opened.get_one(App, app_id) for app_id in (source_id, target_id))
    return cut.promote(opened, source, opened.get_one(Release, release_id), target, None)


def of(app_id) -> list[Release]:
    """The app's releases with a slug, oldest first."""
    with session() as opened:
        query = select(Release).where(Release.app_id == app_id, Release.slug_id.is_not(None))
        return list(opened.scalars(query.order_by(Release.version)))


def eligible(app_id) -> list[uuid.UUID]:
    """The ids of those that can be rolled back to, oldest first."""
    found = of(app_id)
    with session() as opened:
        ids = releases.eligible(opened, found)
    return [each.id for each in found if each.id in ids]


def collect(grace: timedelta = NOTHING, since=None) -> None:
    garbage.collect(since, KEEP, grace)


def file_of(release_id) -> bool:
    """Whether the content of a release's slug is in the store."""
    with session() as opened:
        found = opened.get_one(Slug, opened.get_one(Release, release_id).slug_id)
    return found.sha256 is not None and slugs.path(found.sha256).exists()


def check(app_ids) -> None:
    """What must be true at any moment."""
    for app_id in app_ids:
        with session() as opened:
            archived = opened.get_one(App, app_id).archived_at is not None
            query = select(Slug.sha256).where(Slug.app_id == app_id, Slug.deleted_at.is_(None))
            for sha256 in opened.scalars(query):
                assert sha256 is None or slugs.path(sha256).exists(), "a slug that is kept has its content"
        if not archived:
            newest = [each.id for each in of(app_id) if each.status is not ReleaseStatus.FAILED][-KEEP:]
            assert set(newest) <= set(eligible(app_id)), "the newest can be rolled back to"
            assert all(file_of(release_id) for release_id in eligible(app_id))


def files(stored) -> list[bool]:
    return [slugs.path(each.sha256).exists() for each in stored]
