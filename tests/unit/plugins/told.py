"""What the API answers of releases, slugs, builds and dynos."""

from __future__ import annotations

from typing import Any

AT = "2026-01-01T12:00:00Z"
SECRET_URL = "https://api.example.com/secret-of-a-url"
STAMPS = {"created_at": AT, "updated_at": AT}


def slug_id(number: int) -> str:
    return f"00000000-0000-0000-0000-{number:012d}"


def release(version: int, slug: int | None = None, *, status: str = "succeeded", **more: Any) -> dict[str, Any]:
    """A release `rVERSION` of the slug with that number."""
    return {
        "id": f"r{version}",
        "version": version,
        "status": status,
        "description": f"Deploy {version}",
        "slug": None if slug is None else {"id": slug_id(slug)},
        "current": False,
        "eligible_for_rollback": slug is not None and status != "failed",
        "output_stream_url": None,
        "user": {"id": "u", "email": "ops@example.com"},
        **STAMPS,
        **more,
    }


def slug(number: int, **more: Any) -> dict[str, Any]:
    return {
        "id": slug_id(number),
        "blob": {"method": "get", "url": SECRET_URL},
        "buildpack_provided_description": "Python",
        "checksum": f"SHA256:{number:064d}",
        "commit": "1a2b3c4d",
        "commit_description": None,
        "deleted_at": None,
        "process_types": {"web": "run"},
        "size": 100,
        "stack": {"id": "s", "name": "debian-12"},
        **STAMPS,
        **more,
    }


def build(name: str = "b1", *, status: str = "succeeded", slug: int | None = 1, **more: Any) -> dict[str, Any]:
    blob = {"checksum": "SHA256:" + "0" * 64, "url": "https://api.example.com/sources/x", "version": "1a2b3c4d"}
    return {
        "id": name,
        "status": status,
        "slug": None if slug is None else {"id": slug_id(slug)},
        "release": None,
        "buildpacks": [],
        "stack": "debian-12",
        "output_stream_url": SECRET_URL,
        "source_blob": blob,
        "user": {"id": "u", "email": "ops@example.com"},
        **STAMPS,
        **more,
    }


def dyno(name: str, version: int, state: str = "up", **more: Any) -> dict[str, Any]:
    return {
        "id": f"id-of-{name}-{version}",
        "app": {"id": "a", "name": "shop"},
        "attach_url": None,
        "command": "run",
        "name": name,
        "release": {"id": f"r{version}", "version": version},
        "size": "Basic",
        "state": state,
        "type": name.partition(".")[0],
        **STAMPS,
        **more,
    }
