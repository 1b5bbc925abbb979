"""What an app's buildpacks keep from one build for the next on the same stack: archives that builds alone open.

Another stack has other compilers and libraries, so what was built on one is no use on the other.
"""

from __future__ import annotations

import os
import tempfile
import uuid
from collections.abc import Iterable
from pathlib import Path

from hokku.settings import settings

SUFFIX = ".tar.zst"


def directory() -> Path:
    """Where caches are: APP_ID.STACK.tar.zst."""
    return settings().sources_dir / "cache"


def path(app_id: uuid.UUID, stack: str) -> Path:
    """The app's cache on the stack, whether it is there or not."""
    return directory() / f"{app_id}.{stack}{SUFFIX}"


def owner(name: str) -> tuple[uuid.UUID, str] | None:
    """The app and the stack whose cache the file called `name` is; None when nobody reads it (it names no stack)."""
    app, dot, stack = name.removesuffix(SUFFIX).partition(".")
    try:
        return (uuid.UUID(app), stack) if dot and stack else None
    except ValueError:
        return None


def find(app_id: uuid.UUID, stack: str) -> Path | None:
    """The app's cache on the stack, if it has one."""
    found = path(app_id, stack)
    return found if found.is_file() else None


def keep(app_id: uuid.UUID, stack: str, chunks: Iterable[bytes]) -> None:
    """Put a new cache in the old one's place. It may be lost in a power cut: it is a cache. Raises OverflowError."""
    most = settings().build_cache_max_size
    directory().mkdir(mode=0o750, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=directory(), prefix=".incoming-")
    size = 0
    try:
        with os.fdopen(handle, "wb") as file:
            for chunk in chunks:
                size += len(chunk)
                if size > most:
                    raise OverflowError(f"the cache is more than {most} bytes")
                file.write(chunk)
        os.rename(name, path(app_id, stack))
    except BaseException:
        os.unlink(name)
        raise


def forget(app_id: uuid.UUID) -> None:
    """Remove the app's caches, of whatever stack."""
    for found in directory().glob(f"{app_id}.*"):
        found.unlink(missing_ok=True)
