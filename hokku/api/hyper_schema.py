"""`/schema`: the API as a JSON hyper-schema (draft 4) in the style of Heroku's, made from the OpenAPI description.

For clients that are generated from such a schema: a definition for each resource, with its properties and its links.
"""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import quote

from hokku.api.shape import Json

_RELATIONS = {"get": "self", "post": "create", "put": "update", "patch": "update", "delete": "destroy"}
_ABOUT = "http://interagent.github.io/interagent-hyper-schema"


def hyper_schema(openapi: Json, url: str) -> Json:
    """The hyper-schema of the API at `url`."""
    schemas = openapi["components"]["schemas"]
    definitions = {
        _kebab(name): _plain(schema) | {"title": f"{openapi['info']['title']} - {name}", "links": []}
        for name, schema in schemas.items()
    }
    resources = set()
    for path, operations in openapi["paths"].items():
        for method, operation in operations.items():
            resource = _resource(operation)
            if resource is None:
                continue
            resources.add(resource)
            definitions[resource]["links"].append(_link(path, method, operation, resource))
    for name, definition in definitions.items():
        if name in resources:
            definition["definitions"] = {"identity": {"description": f"what names a {name}", "type": ["string"]}}
        else:
            del definition["links"]
    return {
        "$schema": _ABOUT,
        "type": ["object"],
        "title": openapi["info"]["title"],
        "description": openapi["info"]["description"],
        "id": "hokku",
        "definitions": definitions,
        "properties": {name: {"$ref": f"#/definitions/{name}"} for name in sorted(resources)},
        "links": [{"href": url, "rel": "self"}],
    }


def _kebab(name: str) -> str:
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "-", name).lower()


def _answer(operation: Json) -> Json:
    """The schema of what is answered when all goes well."""
    for status, answer in operation["responses"].items():
        if status.startswith("2"):
            return answer.get("content", {}).get("application/json", {}).get("schema", {})
    return {}


def _resource(operation: Json) -> str | None:
    """Which resource an operation belongs to: the one it answers, else the one its path is of."""
    schema = _answer(operation)
    found = schema.get("$ref") or schema.get("items", {}).get("$ref")
    return _kebab(found.rsplit("/", 1)[1]) if found else None


def _link(path: str, method: str, operation: Json, resource: str) -> Json:
    target = _answer(operation)
    listed = target.get("type") == "array"
    made = {
        "title": operation["summary"],
        "description": operation.get("description", operation["summary"]),
        "href": re.sub(r"{(\w+)}", lambda found: _identity(found[1], resource), path),
        "method": method.upper(),
        "rel": "instances" if listed and method == "get" else _RELATIONS[method],
        "targetSchema": _plain(target),
    }
    body = operation.get("requestBody", {}).get("content", {}).get("application/json", {}).get("schema")
    return made | ({"schema": _plain(body)} if body else {})


def _identity(parameter: str, resource: str) -> str:
    name = parameter if parameter in ("app", "account") else resource
    return "{(" + quote(f"#/definitions/{name}/definitions/identity", safe="") + ")}"


def _plain(schema: Any) -> Any:
    """A schema of OpenAPI 3.1 in the words of draft 4."""
    if isinstance(schema, list):
        return [_plain(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    made = {name: _plain(value) for name, value in schema.items() if name != "title"}
    if isinstance(reference := made.get("$ref"), str):
        made["$ref"] = f"#/definitions/{_kebab(reference.rsplit('/', 1)[1])}"
    if isinstance(made.get("type"), str):
        made["type"] = [made["type"]]
    if "const" in made:
        made["enum"] = [made.pop("const")]
    for side in ("Minimum", "Maximum"):
        if (bound := made.pop(f"exclusive{side}", None)) is not None:
            made |= {side.lower(): bound, f"exclusive{side}": True}
    choices = made.get("anyOf", [])
    kinds = [choice["type"] for choice in choices if "type" in choice and not set(choice) & {"properties", "enum"}]
    if choices and len(kinds) == len(choices):
        made |= {"type": [kind for each in kinds for kind in each]}
        made = {key: value for choice in made.pop("anyOf") for key, value in choice.items() if key != "type"} | made
    return made
