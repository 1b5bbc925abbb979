"""The application: every resource, and git over HTTPS beside them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from importlib import import_module
from importlib.util import find_spec

from fastapi import FastAPI

from hokku import __version__
from hokku.api import (
    absent,
    account,
    apps,
    authorizations,
    build_output,
    buildpacks,
    builds,
    collaborators,
    config_vars,
    domains,
    dynos,
    errors,
    formation,
    health,
    internal,
    keys,
    log_sessions,
    releases,
    slugs,
    sources,
    stacks,
)
from hokku.api.envelope import Envelope

_RESOURCES = (
    account,
    authorizations,
    apps,
    config_vars,
    formation,
    dynos,
    releases,
    builds,
    build_output,
    sources,
    slugs,
    domains,
    keys,
    log_sessions,
    collaborators,
    buildpacks,
    stacks,
    absent,
    health,
    internal,
)


@asynccontextmanager
async def _lifespan(_: FastAPI) -> AsyncIterator[None]:
    listening = asyncio.create_task(build_output.listener.run())
    try:
        yield
    finally:
        listening.cancel()
        with suppress(asyncio.CancelledError):
            await listening


def create() -> Envelope:
    """The ASGI application."""
    app = FastAPI(
        title="Hokku Platform API",
        version=__version__,
        lifespan=_lifespan,
        docs_url=None,
        redoc_url=None,
        strict_content_type=False,
        redirect_slashes=False,
    )
    errors.install(app)
    for resource in _RESOURCES:
        app.include_router(resource.router)
    if find_spec("hokku.source.http") is not None:
        app.include_router(import_module("hokku.source.http").router)
    return Envelope(app)
