"""A slug of one app as the release of another."""

from __future__ import annotations

import uuid

from sqlalchemy import inspect
from sqlalchemy.orm import Session

from hokku.errors import InvalidParams
from hokku.release import cut
from hokku.store import slugs
from hokku.store.tables import App, Release, Slug

_OWN = {"id", "app_id", "created_at", "updated_at"}  # columns of a slug that its copy has for itself


def promote(opened: Session, source: App, release: Release, target: App, account_id: uuid.UUID | None) -> Release:
    """Release the slug of `source`'s `release` on `target`, with `target`'s config vars, on the image it was tried on.

    The target gets a slug of its own with the same content: the store keeps content by its hash, so it is one file,
    and a slug never belongs to two apps. Raises InvalidParams when the content is no longer kept.
    """
    slug = slugs.locked(opened, release.slug_id)
    if slug.deleted_at is not None:
        raise InvalidParams(f"v{release.version} of {source.name} cannot be promoted: {cut.GONE}")
    slugs.hold(opened, slug.sha256)
    columns = (column.key for column in inspect(Slug).column_attrs)
    copy = Slug(app_id=target.id, **{name: getattr(slug, name) for name in columns if name not in _OWN})
    opened.add(copy)
    opened.flush()
    words = ("Promote", source.name, f"v{release.version}", (slug.commit or "")[:8])
    text = " ".join(word for word in words if word)
    return cut.deploy(opened, target, copy, account_id, text, image=release.image)
