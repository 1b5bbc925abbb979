"""/apps/A/slugs/ID: what a build made."""

from __future__ import annotations

from fastapi import APIRouter

from hokku.api.access import Opened, UsableApp
from hokku.api.releases import find_slug
from hokku.api.shape import Json, named, stamps
from hokku.settings import settings

router = APIRouter()


@router.get("/apps/{app}/slugs/{slug}")
def info(app: UsableApp, slug: str, opened: Opened) -> Json:
    """One slug; `size` in bytes. Its tarball cannot be fetched here yet: `blob` names it by its content hash."""
    row = find_slug(opened, app, slug)
    return stamps(row) | {
        "blob": {"method": "get", "url": f"{settings().public_url}/slugs/{row.sha256}"},
        "buildpack_provided_description": row.buildpack,
        "checksum": f"SHA256:{row.sha256}",
        "commit": row.commit,
        "commit_description": None,
        "deleted_at": None,
        "process_types": row.process_types,
        "size": row.size,
        "stack": named("stack", row.stack),
    }
