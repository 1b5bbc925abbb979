"""What an answer is compared with: the API's own OpenAPI document, and Heroku's published schema taken strictly."""

from __future__ import annotations

import json
import re
from datetime import datetime
from functools import cache
from pathlib import Path
from urllib.parse import urlsplit

import httpx
from jsonschema import Draft4Validator, Draft202012Validator, FormatChecker

from hokku.api import application, describe

_HEROKU = Path(__file__).parent / "heroku_schema"
SHAPES = json.loads((_HEROKU / "shapes.json").read_text())
HEROKU_ROUTES = json.loads((_HEROKU / "routes.json").read_text())

FORMATS = FormatChecker()


@FORMATS.checks("date-time")
def _is_moment(value: object) -> bool:
    """UTC with seconds, as Heroku writes it."""
    if not isinstance(value, str):
        return True
    return re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", value) is not None and bool(datetime.fromisoformat(value))


@FORMATS.checks("uri")
def _is_uri(value: object) -> bool:
    """Something with a scheme; Heroku calls a domain's plain hostname a uri, too."""
    return not isinstance(value, str) or re.fullmatch(r"([a-z+]+://)?[!-~]+", value) is not None


@cache
def document():
    """The OpenAPI document of this API."""
    return describe.openapi(application.create().app)


@cache
def routes():
    """Every route of the API's resources, in the order they are tried."""
    return [route for resource in application._RESOURCES for route in resource.router.routes]


def name_of(method, route):
    """`GET /apps/{app}`: what a route is called in tests."""
    return f"{method} {route.path_format}"


@cache
def names():
    """Every route's name."""
    return [name_of(method, route) for route in routes() for method in sorted(route.methods)]


def route_of(method, path):
    """The route that serves a request, or None."""
    for route in routes():
        if method in route.methods and route.path_regex.match(path):
            return route
    return None


@cache
def _declared(name, status):
    method, path = name.split(" ")
    operation = document()["paths"].get(path, {}).get(method.lower())
    if operation is None:
        return None
    answer = operation["responses"].get(status, operation["responses"]["default"])
    schema = answer.get("content", {}).get("application/json", {}).get("schema")
    if schema is None:
        return None
    return Draft202012Validator(schema | {"components": document()["components"]}, format_checker=FORMATS)


def _complaints(validator, found):
    return [
        f"{'.'.join(map(str, error.absolute_path)) or '.'}: {error.message}" for error in validator.iter_errors(found)
    ]


def check(response: httpx.Response) -> None:
    """Compare an answer with what the API says of itself."""
    method, path = response.request.method, urlsplit(str(response.request.url)).path
    route = route_of(method, httpx.URL(str(response.request.url)).path)
    if not response.headers.get("content-type", "").startswith("application/json") or method == "HEAD":
        return
    response.read()
    if response.status_code == 304 or path in ("/openapi.json", "/schema"):
        return
    if route is None:
        assert set(response.json()) >= {"id", "message"}, f"{method} {path}: {response.text[:300]}"
        return
    if not route.include_in_schema:
        return
    name = name_of(method, route)
    validator = _declared(name, str(response.status_code))
    assert validator is not None, f"{name} answers {response.status_code} with JSON that it does not declare"
    complaints = _complaints(validator, response.json())
    assert complaints == [], f"{name} {response.status_code}: {'; '.join(complaints[:5])}"


def heroku_shape(name):
    """(shape, whether it is a list) that Heroku answers to a route of this name; None where Heroku has no such one."""
    method, path = name.split(" ")
    found = HEROKU_ROUTES.get(f"{method} {re.sub(r'{[^}]+}', '{}', path)}")
    if found is None:
        return None
    return (found[0], True) if isinstance(found, list) else (found, False)


def against_heroku(kind, found):
    """What is different from Heroku's shape of this kind."""
    return _complaints(Draft4Validator(SHAPES[kind], format_checker=FORMATS), found)
