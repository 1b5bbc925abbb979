"""`/openapi.json`: FastAPI's description of the routes, completed with what holds for all of them.

What a route needs and may refuse is read from its dependencies (`hokku.api.access`), so it is declared there alone.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from typing import Any

from fastapi import FastAPI
from fastapi.dependencies.models import Dependant
from fastapi.openapi.utils import get_openapi
from fastapi.routing import APIRoute
from pydantic import TypeAdapter

from hokku.api import access, answers
from hokku.api.shape import Json

_ABOUT = (
    "Everything that can be done with this platform. Names work wherever ids do. Send "
    "`Accept: application/vnd.heroku+json; version=3`. Lists come in ranges: see the `Range` header."
)
_SCHEMES = {
    "token": {"type": "http", "scheme": "bearer", "description": "a token of /oauth/authorizations"},
    "basic": {"type": "http", "scheme": "basic", "description": "email and password, or any name and a token"},
}
_PARAMETERS = {
    "app": "id or name of the app",
    "host": "name or id of the dyno host",
    "kind": "process type, such as web",
    "secret": "the secret part of the URL",
    "signature": "the secret part of the URL",
    "user": "`~`, id or email of the account",
}
_REFUSALS = {
    400: "The body is not valid JSON",
    401: "No credentials, or wrong ones",
    403: "The viewer may not do this",
    404: "There is no such thing, or the viewer may not know of it",
    416: "The Range cannot be served",
    422: "A parameter is not valid",
    429: "The account's requests are used up for now",
}
_RANGE = {
    "name": "Range",
    "in": "header",
    "required": False,
    "description": "which part of the list: `FIELD FIRST..LAST; order=desc,max=10`; at most 1000 rows, 200 by default",
    "schema": {"type": "string", "examples": ["id ..; max=10"]},
}
_IF_NONE_MATCH = {
    "name": "If-None-Match",
    "in": "header",
    "required": False,
    "description": "the ETag of an answer that the client has",
    "schema": {"type": "string"},
}
_NEXT_RANGE = {"description": "the Range that gives what follows", "schema": {"type": "string"}}
_HEADERS = {"Request-Id": {"description": "names this request in the logs", "schema": {"type": "string"}}}
_REMAINING = {"description": "how many requests the account has left", "schema": {"type": "string"}}


def openapi(app: FastAPI) -> Json:
    """The description of every route that is part of the API."""
    found = get_openapi(title=app.title, version=app.version, description=_ABOUT, routes=list(routes(app)))
    for route in routes(app):
        for method in route.methods or ():
            _complete(found["paths"][route.path_format][method.lower()], route, method)
    components = found.setdefault("components", {})
    components["securitySchemes"] = _SCHEMES
    components["schemas"]["Error"] = TypeAdapter(answers.Error).json_schema()
    for unused in ("HTTPValidationError", "ValidationError"):
        components["schemas"].pop(unused, None)
    return _renamed(found)


def routes(app: FastAPI) -> Iterator[APIRoute]:
    """The routes that are part of the API."""
    for route in app.state.routes:
        if route.include_in_schema:
            yield route


def checks(route: APIRoute) -> set[Callable[..., Any]]:
    """The functions that decide whether a request is let in."""
    return set(_calls(route.dependant))


def _calls(dependant: Dependant) -> Iterator[Callable[..., Any]]:
    for needed in dependant.dependencies:
        if needed.call is not None:
            yield needed.call
        yield from _calls(needed)


def _complete(operation: Json, route: APIRoute, method: str) -> None:
    found = checks(route)
    viewer = access.VIEWER in found
    operation["summary"] = operation["summary"].replace("Index", "List", 1)
    operation["security"] = [{name: []} for name in _SCHEMES] if viewer else []
    if body := operation.get("requestBody"):
        schema = body["content"].get("application/json", {}).get("schema", {})
        if {"type": "null"} in schema.get("anyOf", ()):  # the body may be left out; it may not be the word null
            schema["anyOf"].remove({"type": "null"})
    for parameter in operation.get("parameters", ()):
        name = parameter["name"]
        parameter.setdefault("description", _PARAMETERS.get(name, f"id or name of the {name}"))
        parameter["schema"].pop("title", None)
    answered = operation["responses"]
    answered.pop("422", None)
    for answer in answered.values():
        for content in answer.get("content", {}).values():
            content.get("schema", {}).pop("title", None)
    listed = _is_list(answered)
    if method == "GET" and "application/json" in answered.get("200", {}).get("content", {}):
        operation["parameters"] = [*operation.get("parameters", ()), _IF_NONE_MATCH, *([_RANGE] if listed else ())]
        answered["200"].setdefault("headers", {})["ETag"] = {"schema": {"type": "string"}}
        answered["304"] = {"description": "Unchanged since the answer with that ETag"}
        if listed:
            answered["206"] = answered["200"] | {
                "description": "A part of the list",
                "headers": answered["200"]["headers"] | {"Next-Range": _NEXT_RANGE},
            }
    for status in _refusals(operation, found, viewer, listed and method == "GET"):
        answered[str(status)] = _refusal(_REFUSALS[status])
    answered["default"] = _refusal("Another refusal")
    for answer in answered.values():
        answer["headers"] = (
            answer.get("headers", {}) | _HEADERS | ({"RateLimit-Remaining": _REMAINING} if viewer else {})
        )


def _refusals(operation: Json, found: set[Callable[..., Any]], viewer: bool, ranged: bool) -> Iterator[int]:
    body, parameters = "requestBody" in operation, operation.get("parameters", ())
    if body:
        yield 400
    if viewer:
        yield from (401, 429)
    if found & access.FORBIDDING:
        yield 403
    if any(parameter["in"] == "path" for parameter in parameters):
        yield 404
    if ranged:
        yield 416
    if body or any(parameter["in"] in ("path", "query") for parameter in parameters):
        yield 422


def _is_list(answered: Json) -> bool:
    schema = answered.get("200", {}).get("content", {}).get("application/json", {}).get("schema", {})
    return schema.get("type") == "array"


def _refusal(sentence: str) -> Json:
    content = {"application/json": {"schema": {"$ref": "#/components/schemas/Error"}}}
    return {"description": sentence, "content": content}


def _renamed(found: Json) -> Json:
    """Requests named after their resource (AppsCreate) instead of after Python's modules."""
    names: dict[str, str] = {}
    for name in found["components"]["schemas"]:
        short = name.removesuffix("-Output").replace("-Input", "Request")
        if module := re.fullmatch(r"hokku__api__(\w+?)__(\w+)", short):
            short = module[1].title().replace("_", "") + module[2]
        names[name] = short
    text = json.dumps(found)
    for name, short in names.items():
        text = text.replace(f'"#/components/schemas/{name}"', f'"#/components/schemas/{short}"')
    made = json.loads(text)
    made["components"]["schemas"] = {names[name]: made["components"]["schemas"][name] for name in sorted(names)}
    return made
