"""/sources: where a client puts a source tarball before it asks for a build. The URLs carry a secret, not a token."""

from __future__ import annotations

import asyncio
import os
import re
import secrets
import uuid
from contextlib import suppress
from pathlib import Path
from typing import IO
from urllib.parse import urlsplit
from weakref import WeakValueDictionary

from fastapi import APIRouter, Request
from fastapi.responses import FileResponse, JSONResponse, Response
from sqlalchemy.orm import Session
from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect

from hokku.api import answers
from hokku.api.access import AnyViewer, Opened, UsableApp
from hokku.api.errors import answer
from hokku.api.trail import leave
from hokku.errors import InvalidParams, NotFound, Unavailable
from hokku.settings import settings
from hokku.store import sources
from hokku.store.engine import session
from hokku.store.tables import Source

router = APIRouter()
MOST = 1024 * 1024 * 1024  # bytes (Heroku: a checkout of 1 GB)
_BUFFER = 1024 * 1024
_SPARED = 2 * 1024 * 1024 * 1024  # bytes of the disk that no upload takes: the platform itself needs them
_AT_ONCE = 4  # uploads of one account: the others wait, and take nothing of the disk meanwhile
_uploads: WeakValueDictionary[uuid.UUID, asyncio.Semaphore] = WeakValueDictionary()
_GZIP = {
    "description": "The tarball",
    "content": {"application/gzip": {"schema": {"type": "string", "format": "binary"}}},
}
TARBALL = {
    "requestBody": {
        "description": "A gzipped tarball",
        "required": True,
        "content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}},
    }
}
_PATH = re.compile(r"/sources/(?P<id>[0-9a-f-]{36})/(?P<secret>[A-Za-z0-9_-]{20,100})")


def find_by_url(opened: Session, url: str) -> Source:
    """The uploaded source behind one of this platform's own source URLs; raises InvalidParams with what to do."""
    found = _PATH.fullmatch(urlsplit(url).path)
    if found is None:
        raise InvalidParams(
            "Only sources uploaded to this platform can be built: POST /sources, PUT the tarball to its put_url, and "
            "give its get_url as source_blob.url."
        )
    source = sources.by_secret(opened, found["id"], found["secret"])
    if source is None:
        raise InvalidParams("source_blob.url is not one of this platform's sources. POST /sources makes one.")
    if source.size is None:
        raise InvalidParams(
            "Nothing was uploaded to source_blob.url yet. PUT the tarball to the source's put_url first."
        )
    return source


@router.post("/sources", status_code=201)
def create(opened: Opened, viewer: AnyViewer) -> answers.Source:
    """A place for one source tarball."""
    source, secret = sources.create(opened, viewer.account.id)
    leave(opened, viewer, "source.create", source=str(source.id))
    url = f"{settings().public_url}/sources/{source.id}/{secret}"
    return {"source_blob": {"get_url": url, "put_url": url}}


@router.post("/apps/{app}/sources", status_code=201)
def create_for_app(app: UsableApp, opened: Opened, viewer: AnyViewer) -> answers.Source:
    """The same; Heroku keeps this older path too."""
    return create(opened, viewer)


@router.put("/sources/{source}/{secret}", response_model=answers.Upload, openapi_extra=TARBALL)
async def upload(source: str, secret: str, request: Request) -> Response:
    """Take the tarball as it comes, at most 1 GB; it replaces what was there only when all of it has come."""
    found = await run_in_threadpool(_find, source, secret)
    declared = request.headers.get("content-length", "0")
    if declared.isdigit() and int(declared) > MOST:
        return _too_large()
    path = sources.path(found.id)
    part = path.with_name(f"{path.name}.{secrets.token_hex(6)}.part")
    at_once = _uploads.setdefault(found.account_id, asyncio.Semaphore(_AT_ONCE))
    try:
        async with at_once:
            size = await receive(request, part)
        if size > MOST:
            return _too_large()
        if size == 0:
            return answer(422, "invalid_params", "The source is empty. PUT a gzipped tarball.")
        await run_in_threadpool(_keep, found.id, part, path, size)
    except ClientDisconnect:
        return answer(400, "bad_request", "The upload broke off.")
    finally:
        with suppress(FileNotFoundError):
            part.unlink()
    return JSONResponse({"size": size})


@router.get("/sources/{source}/{secret}", response_class=FileResponse, responses={200: _GZIP})
def download(source: str, secret: str) -> FileResponse:
    """The tarball."""
    found = _find(source, secret)
    path = sources.path(found.id)
    if found.size is None or not path.exists():
        raise NotFound("Nothing was uploaded there yet.", "source")
    return FileResponse(path, media_type="application/gzip")


def _find(identity: str, secret: str) -> Source:
    with session() as opened:
        source = sources.by_secret(opened, identity, secret)
    if source is None:
        raise NotFound("Couldn't find that source.", "source")
    return source


async def receive(request: Request, part: Path) -> int:
    """Write the body to `part`; its size in bytes, which is more than MOST when it was cut off there.

    Raises Unavailable before the disk is full.
    """
    size, buffer = 0, bytearray()
    descriptor = await asyncio.to_thread(os.open, part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o640)
    with os.fdopen(descriptor, "wb", buffering=0) as file:
        async for chunk in request.stream():
            size += len(chunk)
            if size > MOST:
                return size
            buffer += chunk
            if len(buffer) >= _BUFFER:
                await asyncio.to_thread(_write, file, bytes(buffer))
                buffer.clear()
        await asyncio.to_thread(_write, file, bytes(buffer))
    return size


def _write(file: IO[bytes], data: bytes) -> None:
    disk = os.fstatvfs(file.fileno())
    if disk.f_bavail * disk.f_frsize < _SPARED:
        raise Unavailable("The platform's disk is nearly full, so it takes no uploads now. Tell the platform's admin.")
    file.write(data)


def _keep(source_id: uuid.UUID, part: Path, path: Path, size: int) -> None:
    with session() as opened:
        sources.arrived(opened, source_id, size)
        os.replace(part, path)


def _too_large() -> Response:
    return answer(
        413, "too_large", f"The source is larger than {MOST // 1024**3} GB. Leave out what is not needed to build."
    )
