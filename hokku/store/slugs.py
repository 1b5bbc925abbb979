"""Slugs: rows, and files in the slug store, `slugs_dir`/SHA256.tar.zst. Equal content is one file."""

from __future__ import annotations

import hashlib
import os
import tempfile
import uuid
from collections.abc import Collection, Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from hokku.errors import InvalidParams
from hokku.settings import settings
from hokku.store import apps, configs
from hokku.store.engine import session
from hokku.store.patience import insist
from hokku.store.tables import App, Build, BuildStatus, Release, Slug, SlugContent

_MOST = 20  # slugs of an app that wait to be released, with those that builds are to make


class TooLarge(Exception):
    """The content is more than `limit` bytes; `size` is how much was seen."""

    def __init__(self, size: int, limit: int) -> None:
        super().__init__(f"{size} bytes are more than {limit}")
        self.size, self.limit = size, limit


class Lost(InvalidParams):
    """The content of a slug is no longer kept."""


@dataclass(frozen=True)
class Stored:
    """A file of the slug store: SHA-256 of its content, and its size in bytes."""

    sha256: str
    size: int


def path(sha256: str) -> Path:
    """Where the content with this SHA-256 is (or would be)."""
    return settings().slugs_dir / f"{sha256}.tar.zst"


def keep(chunks: Iterable[bytes], limit: int) -> Stored:
    """Write a slug's content into the store. A reader finds all of it or nothing, also after a power cut.

    It is safe there for `hokku.store.garbage.GRACE`, and from then on as long as a slug refers to it.
    Raises TooLarge beyond `limit` bytes, and leaves nothing behind then.
    """
    digest, size = hashlib.sha256(), 0
    handle, name = tempfile.mkstemp(dir=settings().slugs_dir, prefix=".incoming-")
    try:
        with os.fdopen(handle, "wb") as file:
            for chunk in chunks:
                size += len(chunk)
                if size > limit:
                    raise TooLarge(size, limit)
                digest.update(chunk)
                file.write(chunk)
            file.flush()
            os.fsync(file.fileno())
        os.chmod(name, 0o640)
        insist(lambda: _place(name, digest.hexdigest()))
    except BaseException:
        with suppress(FileNotFoundError):
            os.unlink(name)
        raise
    return Stored(digest.hexdigest(), size)


def _place(name: str, sha256: str) -> None:
    """Give the file its name in the store, and say so. It may be done twice."""
    with session() as opened:
        note(opened, sha256)
        if os.path.exists(name):
            os.rename(name, path(sha256))
            _sync(settings().slugs_dir)


def note(opened: Session, sha256: str) -> None:
    """Say that the platform puts this content into the store now: nobody removes it while the transaction lasts."""
    query = insert(SlugContent).values(sha256=sha256)
    opened.execute(query.on_conflict_do_update(index_elements=[SlugContent.sha256], set_={"kept_at": func.now()}))


def hold(opened: Session, sha256: str) -> None:
    """Have this content stay until the transaction, which refers to it, has ended. Raises Lost when it is not there."""
    query = select(SlugContent.sha256).where(SlugContent.sha256 == sha256).with_for_update(read=True, key_share=True)
    if opened.scalar(query) is None or not path(sha256).exists():
        raise Lost("The content of the slug is not in the store any more. Build or upload it again.")


def is_kept(opened: Session, slug_id: uuid.UUID) -> bool:
    """Whether the slug is there and was not given up."""
    return opened.scalar(select(Slug.id).where(Slug.id == slug_id, Slug.deleted_at.is_(None))) is not None


def locked(opened: Session, slug_id: uuid.UUID) -> Slug:
    """The slug as it is now, whose content stays as long as the transaction lasts, unless it goes already."""
    query = select(Slug).where(Slug.id == slug_id).with_for_update(read=True)
    return opened.scalars(query.execution_options(populate_existing=True)).one()


def create(
    opened: Session,
    app_id: uuid.UUID,
    stored: Stored,
    *,
    stack: str,
    process_types: dict[str, str],
    default_config: dict[str, str] | None = None,
    commit: str | None = None,
    commit_description: str | None = None,
    buildpack: str | None = None,
    made_from: bytes | None = None,
) -> Slug:
    """The row of a slug of the app whose content is in the store. Raises Lost when it is not there any more."""
    hold(opened, stored.sha256)
    slug = Slug(
        app_id=app_id,
        sha256=stored.sha256,
        size=stored.size,
        stack=stack,
        process_types=process_types,
        default_config_sealed=configs.seal(default_config) if default_config else None,
        commit=commit,
        commit_description=commit_description,
        buildpack=buildpack,
        made_from=made_from,
    )
    opened.add(slug)
    opened.flush()
    return slug


def made_from(opened: Session, app_id: uuid.UUID, keys: Collection[bytes]) -> Slug | None:
    """The app's newest slug made from one of these, whose content is there and stays for `GRACE` from now on."""
    query = select(Slug).where(Slug.app_id == app_id, Slug.made_from.in_(keys), Slug.deleted_at.is_(None))
    found = opened.scalars(query.order_by(Slug.created_at.desc()).limit(1)).first()
    if found is None or found.sha256 is None:
        return None
    try:
        hold(opened, found.sha256)
    except Lost:
        return None
    note(opened, found.sha256)
    return found


def forget_made_from(opened: Session, app_id: uuid.UUID) -> None:
    """Have the app's next build do all its work."""
    opened.execute(update(Slug).where(Slug.app_id == app_id).values(made_from=None))


def default_config(slug: Slug) -> dict[str, str]:
    """The config vars that the slug's buildpacks declared, below those of the app."""
    return configs.unseal(slug.default_config_sealed) if slug.default_config_sealed else {}


def must_have_room(opened: Session, app: App) -> None:
    """Locks the app's row, and raises InvalidParams when as many slugs as may be wait to be released."""
    apps.lock(opened, app.id)
    released = select(Release.id).where(Release.slug_id == Slug.id).exists()
    made = select(func.count()).select_from(Slug).where(Slug.app_id == app.id, Slug.deleted_at.is_(None), ~released)
    coming = select(func.count()).select_from(Build).where(
        Build.app_id == app.id, Build.status == BuildStatus.PENDING, ~Build.to_release, Build.slug_id.is_(None)
    )  # fmt: skip
    waiting = (opened.scalar(made) or 0) + (opened.scalar(coming) or 0)
    if waiting >= _MOST:
        raise InvalidParams(f"{app.name} has {waiting} slugs that were not released: release one, or wait for a week.")


def by_identity(opened: Session, app_id: uuid.UUID, identity: str) -> Slug | None:
    """The app's slug with this id."""
    try:
        return opened.scalar(select(Slug).where(Slug.app_id == app_id, Slug.id == uuid.UUID(identity)))
    except ValueError:
        return None


def _sync(directory: Path) -> None:
    opened = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)
