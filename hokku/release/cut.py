"""Slug + config vars → release. A release never changes afterwards, but for its status, and versions only go up."""

from __future__ import annotations

import uuid

from sqlalchemy.orm import Session

from hokku.errors import InvalidParams
from hokku.release.log_lines import announce
from hokku.store import apps, configs, formations, phases, releases, slugs
from hokku.store.engine import WANTED, notify
from hokku.store.tables import Account, App, Release, ReleaseStatus, Slug, now

GONE = "its slug is too old and no longer kept. Choose a newer one, or push the commit again."


def create(
    opened: Session,
    app: App,
    *,
    slug_id: uuid.UUID | None,
    config_id: uuid.UUID,
    account_id: uuid.UUID | None,
    description: str,
    image: str | None = None,
) -> Release:
    """The app's next release; PENDING until the manifold has rolled it out, or SUCCEEDED at once when it has no slug.

    Its dynos run on `image`, a fingerprint, or on the newest one of its stack.
    With a `release` command in its slug it has a release phase first (`hokku.release.runner`).
    Locks the app's row until the transaction ends, so that versions have no holes and no twins, and what the release
    refers to stays. Raises InvalidParams when that is no longer kept.
    """
    apps.lock(opened, app.id)
    _must_be_kept(opened, slug_id, config_id)
    version = releases.next_version(opened, app.id)
    if slug_id is not None:
        slug = opened.get_one(Slug, slug_id)
        formations.fit(opened, app.id, slug, first=not releases.has_slug_release(opened, app.id))
    release = Release(
        app_id=app.id,
        version=version,
        slug_id=slug_id,
        config_id=config_id,
        account_id=account_id,
        description=description,
        status=ReleaseStatus.PENDING if slug_id else ReleaseStatus.SUCCEEDED,
        image=image,
    )
    opened.add(release)
    app.released_at = now()
    opened.flush()
    by = _by(opened, account_id)
    announce(opened, app.id, f"{description}{by}")
    announce(opened, app.id, f"Release v{version} created{by}")
    if slug_id is not None and phases.TYPE in slug.process_types:
        phases.begin(opened, release)
        announce(opened, app.id, f"Running release v{version} commands{by}")
    notify(opened, WANTED, app.id)
    return release


def first(opened: Session, app: App, account_id: uuid.UUID) -> None:
    """The two releases every app starts with, so that its first deploy is v3 (Heroku)."""
    config = configs.create(opened, app.id, {})
    for description in ("Initial release", "Enable Logplex"):
        create(opened, app, slug_id=None, config_id=config.id, account_id=account_id, description=description)


def deploy(
    opened: Session,
    app: App,
    slug: Slug,
    account_id: uuid.UUID | None,
    description: str | None = None,
    retried: Release | None = None,
    image: str | None = None,
) -> Release:
    """A release of `slug` with the config vars the app has now or, when it is tried again, with those of `retried`.

    It runs on the newest image of its stack unless `image` names another.
    """
    if slug.app_id != app.id:
        raise InvalidParams(f"Slug {slug.id} is not of the app {app.name}. Build it for this app.")
    if slug.sha256 is None and slug.deleted_at is None:
        raise InvalidParams(f"Slug {slug.id} has no content yet: PUT its archive at its blob.url first.")
    if slug.deleted_at is not None:
        raise InvalidParams(f"Slug {slug.id} cannot be released: {GONE}")
    base = retried or _base(opened, app)
    text = description or (f"Deploy {slug.commit[:8]}" if slug.commit else "Deploy")
    return create(
        opened, app, slug_id=slug.id, config_id=base.config_id, account_id=account_id, description=text, image=image
    )


def restack(opened: Session, app: App, base: Release) -> Release:
    """A release of the same slug and config vars as `base` that runs on the newest image of its stack."""
    text = "Stack image updated"
    return create(
        opened, app, slug_id=base.slug_id, config_id=base.config_id, account_id=None, description=text, image=None
    )


def configure(
    opened: Session, app: App, changes: dict[str, str | None], account_id: uuid.UUID | None
) -> dict[str, str]:
    """Set config vars (None removes one) and return them all. Without a difference there is no new release."""
    apps.lock(opened, app.id)
    base = _base(opened, app)
    before = configs.read_id(opened, base.config_id)
    after = {name: value for name, value in (before | changes).items() if value is not None}
    if after == before:
        return before
    config = configs.create(opened, app.id, after)
    create(
        opened,
        app,
        slug_id=base.slug_id,
        config_id=config.id,
        account_id=account_id,
        description=describe(before, after),
        image=base.image,
    )
    return after


def describe(before: dict[str, str], after: dict[str, str]) -> str:
    """What a change of config vars is called in the list of releases: `Set FOO, BAR config vars` (Heroku)."""
    put = [name for name, value in after.items() if before.get(name) != value]
    gone = [name for name in before if name not in after]
    parts = [f"{verb} {', '.join(names)}" for verb, names in (("Set", put), ("Remove", gone)) if names]
    return " and ".join(parts) + " config vars"


def _must_be_kept(opened: Session, slug_id: uuid.UUID | None, config_id: uuid.UUID) -> None:
    """The app's row is locked: what is kept now is kept for the release that is being made (hokku.store.garbage)."""
    kept = slug_id is None or slugs.is_kept(opened, slug_id)
    if not kept or not configs.is_kept(opened, config_id):
        raise InvalidParams(f"It cannot be released again: {GONE}")


def rollback(opened: Session, app: App, target: Release, account_id: uuid.UUID | None) -> Release:
    """A new release with the exact slug, config vars and stack image of `target`."""
    if target.slug_id is None or target.status is ReleaseStatus.FAILED:
        why = "it failed" if target.status is ReleaseStatus.FAILED else "it has no slug"
        raise InvalidParams(f"Cannot roll back to v{target.version}: {why}. Choose a release that ran.")
    if not releases.eligible(opened, [target]):
        raise InvalidParams(f"Cannot roll back to v{target.version}: {GONE}")
    return create(
        opened,
        app,
        slug_id=target.slug_id,
        config_id=target.config_id,
        account_id=account_id,
        description=f"Rollback to v{target.version}",
        image=target.image,
    )


def _base(opened: Session, app: App) -> Release:
    base = releases.newest(opened, app.id)
    if base is None:
        raise LookupError(f"app {app.id} has no release that did not fail")
    return base


def _by(opened: Session, account_id: uuid.UUID | None) -> str:
    account = opened.get(Account, account_id) if account_id else None
    return f" by user {account.email}" if account else ""
