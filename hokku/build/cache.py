"""What an app's buildpacks keep from one build for the next: one archive an app, opened in build containers alone."""

from __future__ import annotations

import os
import tempfile
import uuid
from collections.abc import Iterable
from pathlib import Path

from hokku.settings import settings

LIMIT = 500 * 1024 * 1024  # bytes; a larger cache is not kept


def directory() -> Path:
    """Where caches are."""
    return settings().sources_dir / "cache"


def path(app_id: uuid.UUID) -> Path:
    """The app's cache, whether it is there or not."""
    return directory() / f"{app_id}.tar.zst"


def find(app_id: uuid.UUID) -> Path | None:
    """The app's cache, if it has one."""
    found = path(app_id)
    return found if found.is_file() else None


def keep(app_id: uuid.UUID, chunks: Iterable[bytes]) -> None:
    """Put a new cache in the old one's place. It may be lost in a power cut: it is a cache."""
    directory().mkdir(mode=0o750, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=directory(), prefix=".incoming-")
    size = 0
    try:
        with os.fdopen(handle, "wb") as file:
            for chunk in chunks:
                size += len(chunk)
                if size > LIMIT:
                    raise OverflowError(f"the cache is more than {LIMIT} bytes")
                file.write(chunk)
        os.rename(name, path(app_id))
    except BaseException:
        os.unlink(name)
        raise


def forget(app_id: uuid.UUID) -> None:
    """Remove the app's cache."""
    path(app_id).unlink(missing_ok=True)
