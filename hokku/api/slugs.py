"""/apps/A/slugs: what builds made, and what is uploaded ready to run. A slug's content is put and got at signed URLs.

What is got is the store's own file, a tar of /app's tree compressed with zstd, and `checksum` is its SHA-256.
"""

from __future__ import annotations

import asyncio
import os
import secrets
import time
import uuid
from contextlib import suppress
from pathlib import Path

from fastapi import APIRouter, Request
from fastapi.responses import FileResponse, Response
from pydantic import BaseModel
from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect

from hokku.api import answers, sources
from hokku.api.access import AnyViewer, Opened, UsableApp
from hokku.api.builds import check_sum
from hokku.api.errors import answer
from hokku.api.releases import find_slug
from hokku.api.shape import at, named, stamps
from hokku.api.signed import fits, sign
from hokku.api.stacks import check as check_stack
from hokku.api.trail import leave
from hokku.build import procfile, repack
from hokku.errors import Gone, InvalidParams, NotFound
from hokku.settings import settings
from hokku.store import checksum, slugs
from hokku.store.engine import session
from hokku.store.tables import Slug

router = APIRouter()
_HOUR = 3600
_LONGEST = 2000  # characters of a description
_REPACKING = asyncio.Semaphore(2)  # minutes of a core and a connection to the database each: others wait without


class Create(BaseModel):
    process_types: dict[str, str]
    buildpack_provided_description: str | None = None
    checksum: str | None = None
    commit: str | None = None
    commit_description: str | None = None
    stack: str | None = None


def shape(row: Slug) -> answers.Slug:
    """A slug as Heroku shows it; `blob` is where to put its content as long as it has none.

    Since `deleted_at` its content is not kept any more.
    """
    method = "get" if row.sha256 or row.deleted_at else "put"
    return stamps(row) | {
        "blob": {"method": method, "url": _url(row.id, method)},
        "buildpack_provided_description": row.buildpack,
        "checksum": f"SHA256:{row.sha256}" if row.sha256 else row.checksum,
        "commit": row.commit,
        "commit_description": row.commit_description,
        "deleted_at": at(row.deleted_at),
        "process_types": row.process_types,
        "size": row.size,
        "stack": named("stack", row.stack),
    }


@router.get("/apps/{app}/slugs/{slug}")
def info(app: UsableApp, slug: str, opened: Opened) -> answers.Slug:
    """One slug; `size` in bytes. The URL in `blob` is good for one to two hours."""
    return shape(find_slug(opened, app, slug))


@router.post("/apps/{app}/slugs", status_code=201)
def create(app: UsableApp, wanted: Create, opened: Opened, viewer: AnyViewer) -> answers.Slug:
    """A slug without content: PUT a gzipped tar of ./app at the URL in `blob`, then release it."""
    try:
        types = procfile.checked(wanted.process_types)
    except procfile.BadProcfile as bad:
        raise InvalidParams(f"process_types: {bad}") from None
    for name in ("buildpack_provided_description", "commit", "commit_description"):
        given = getattr(wanted, name)
        if given is not None and (len(given) > _LONGEST or "\0" in given):
            raise InvalidParams(f"{name} must be at most {_LONGEST} characters, without NUL.")
    slugs.must_have_room(opened, app)
    row = Slug(
        app_id=app.id,
        stack=check_stack(wanted.stack) if wanted.stack else app.stack,
        process_types=types,
        commit=wanted.commit,
        commit_description=wanted.commit_description,
        buildpack=wanted.buildpack_provided_description,
        checksum=check_sum(wanted.checksum, "checksum"),
    )
    opened.add(row)
    opened.flush()
    leave(opened, viewer, "slug.create", app, slug=str(row.id))
    return shape(row)


@router.put("/slugs/{slug}/blob/{until}/{signature}", openapi_extra=sources.TARBALL)
async def upload(slug: uuid.UUID, until: int, signature: str, request: Request) -> answers.Upload:
    """Take a slug's content, once."""
    _must_fit("put", slug, until, signature)
    part = settings().slugs_dir / f".incoming-{secrets.token_hex(8)}"
    try:
        size = await sources.receive(request, part)
        if size > sources.MOST:
            return answer(413, "too_large", f"The archive is larger than {sources.MOST // 1024**3} GB.")
        async with _REPACKING:
            return {"size": await run_in_threadpool(_keep, slug, part)}
    except ClientDisconnect:
        return answer(400, "bad_request", "The upload broke off.")
    finally:
        with suppress(FileNotFoundError):
            part.unlink()


@router.get("/slugs/{slug}/blob/{until}/{signature}", response_class=Response)
def download(slug: uuid.UUID, until: int, signature: str) -> FileResponse:
    """A slug's content."""
    _must_fit("get", slug, until, signature)
    with session() as opened:
        row = opened.get(Slug, slug)
    if row is not None and row.deleted_at is not None:
        raise Gone("The content of this slug is no longer kept: its releases are too old. Push the commit again.")
    if row is None or row.sha256 is None or not slugs.path(row.sha256).exists():
        raise NotFound("Couldn't find that slug.", "slug")
    return FileResponse(slugs.path(row.sha256), media_type="application/zstd", filename=f"{row.id}.tar.zst")


def _url(slug_id: uuid.UUID, method: str) -> str:
    until = (int(time.time()) // _HOUR + 2) * _HOUR
    return f"{settings().public_url}/slugs/{slug_id}/blob/{until}/{sign(f'slug {method}', slug_id, until)}"


def _must_fit(method: str, slug_id: uuid.UUID, until: int, signature: str) -> None:
    if until < time.time() or not fits(signature, f"slug {method}", slug_id, until):
        raise NotFound("Couldn't find that slug: the URL is wrong or its time is over.", "slug")


def _keep(slug_id: uuid.UUID, part: Path) -> int:
    """Bring what was uploaded into the slug store; its size there in bytes."""
    with session() as opened:
        row = opened.get(Slug, slug_id, with_for_update=True)
        if row is None:
            raise NotFound("Couldn't find that slug.", "slug")
        if row.sha256 is not None:
            raise InvalidParams("The slug has its content already, and a slug never changes. POST another slug.")
        if not os.path.getsize(part):
            raise InvalidParams("The archive is empty. PUT a gzipped tar of ./app.")
        if row.checksum is not None and (found := checksum.of(part)) != row.checksum:
            raise InvalidParams(f"The archive has the checksum {found}, and not {row.checksum}: upload it again.")
        limit = settings().slug_max_size
        try:
            stored = slugs.keep(repack.chunks(part), limit)
        except repack.BadArchive as bad:
            raise InvalidParams(str(bad)) from None
        except slugs.TooLarge:
            raise InvalidParams(f"The slug is larger than {limit // 1024**2}M when compressed.") from None
        slugs.hold(opened, stored.sha256)
        row.sha256, row.size = stored.sha256, stored.size
        return stored.size
