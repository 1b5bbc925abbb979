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
    app_transfers,
    apps,
    authorizations,
    build_output,
    buildpacks,
    builds,
    collaborators,
    config_vars,
    couplings,
    decisions,
    domains,
    dynos,
    errors,
    features,
    formation,
    health,
    hosts,
    internal,
    keys,
    log_drains,
    log_sessions,
    oneoffs,
    output_stream,
    pipelines,
    platform_checks,
    promotions,
    registry,
    release_output,
    releases,
    schema,
    slugs,
    sni_endpoints,
    sources,
    stacks,
    webhook_deliveries,
    webhooks,
)
from hokku.api.envelope import Envelope

_RESOURCES = (
    account,
    authorizations,
    apps,
    config_vars,
    formation,
    dynos,
    decisions,
    oneoffs,
    releases,
    release_output,
    builds,
    build_output,
    sources,
    slugs,
    domains,
    sni_endpoints,
    keys,
    log_drains,
    log_sessions,
    webhooks,
    webhook_deliveries,
    collaborators,
    buildpacks,
    registry,
    stacks,
    pipelines,
    couplings,
    promotions,
    app_transfers,
    features,
    hosts,
    platform_checks,
    absent,
    health,
    schema,
    internal,
)


@asynccontextmanager
async def _lifespan(_: FastAPI) -> AsyncIterator[None]:
    listening = asyncio.create_task(output_stream.listener.run())
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
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
        strict_content_type=False,
        redirect_slashes=False,
    )
    errors.install(app)
    app.state.routes = tuple(route for resource in _RESOURCES for route in resource.router.routes)
    for resource in _RESOURCES:
        app.include_router(resource.router)
    if find_spec("hokku.source.http") is not None:
        app.include_router(import_module("hokku.source.http").router)
    return Envelope(app)
