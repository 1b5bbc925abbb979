"""The disks of this control host that the platform's stores are on."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

from hokku.checks.finding import Check, Finding, failed, warning, well
from hokku.settings import Settings

LITTLE, NOTHING = 15, 5  # percent free
_REMEDY = "Make its file system larger; docs/garbage.md says what is kept and how to keep less."


def checks(settings: Settings) -> list[Check]:
    """One for each store."""
    stores = {"slugs": settings.slugs_dir, "sources": settings.sources_dir, "git": settings.git_dir}
    return [
        Check("disk", name, _REMEDY, lambda name=name, path=path: _store(name, path)) for name, path in stores.items()
    ]


def _store(name: str, path: Path) -> Iterator[Finding]:
    usage = shutil.disk_usage(path)
    yield free(name, path, usage.free * 100 // usage.total)


def free(name: str, path: Path, percent: int) -> Finding:
    """How a disk is with so much of it free. Pure."""
    said = f"{percent} % of the disk of {path} is free."
    if percent < NOTHING:
        return failed("disk", name, said, _REMEDY)
    if percent < LITTLE:
        return warning("disk", name, said, _REMEDY)
    return well("disk", name, said)
