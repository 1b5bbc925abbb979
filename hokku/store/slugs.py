"""Slugs: rows, and files in the slug store, `slugs_dir`/SHA256.tar.zst. Equal content is one file."""

from __future__ import annotations

import hashlib
import os
import tempfile
import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import select
from sqlalchemy.orm import Session

from hokku.settings import settings
from hokku.store.tables import Slug


class TooLarge(Exception):
    """The content is more than `limit` bytes; `size` is how much was seen."""

    def __init__(self, size: int, limit: int) -> None:
        super().__init__(f"{size} bytes are more than {limit}")
        self.size, self.limit = size, limit


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

    Raises TooLarge beyond `limit` bytes, and leaves nothing behind then.
    """
    directory = settings().slugs_dir
    digest, size = hashlib.sha256(), 0
    handle, name = tempfile.mkstemp(dir=directory, prefix=".incoming-")
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
        os.rename(name, path(digest.hexdigest()))
    except BaseException:
        os.unlink(name)
        raise
    _sync(directory)
    return Stored(digest.hexdigest(), size)


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
) -> Slug:
    """The row of a slug of the app whose content is in the store."""
    slug = Slug(
        app_id=app_id,
        sha256=stored.sha256,
        size=stored.size,
        stack=stack,
        process_types=process_types,
        default_config=default_config or {},
        commit=commit,
        commit_description=commit_description,
        buildpack=buildpack,
    )
    opened.add(slug)
    opened.flush()
    return slug


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
