"""/openapi.json and /schema: what this API is, made from its own routes and open to anyone."""

from __future__ import annotations

import json
from functools import cache

from fastapi import APIRouter, FastAPI, Request, Response

from hokku.api.describe import openapi
from hokku.api.hyper_schema import hyper_schema
from hokku.api.shape import Json
from hokku.settings import settings

router = APIRouter()


@cache
def _texts(app: FastAPI) -> tuple[bytes, bytes]:
    described = openapi(app)
    schema = hyper_schema(described, settings().public_url)
    return json.dumps(described).encode(), json.dumps(schema).encode()


@router.get("/openapi.json")
def describe(request: Request) -> Json:
    """The API as an OpenAPI document."""
    return Response(_texts(request.app)[0], media_type="application/json")


@router.get("/schema")
def schema(request: Request) -> Json:
    """The API as a JSON hyper-schema."""
    return Response(_texts(request.app)[1], media_type="application/json")
