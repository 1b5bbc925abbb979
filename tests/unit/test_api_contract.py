"""The API says what it is: every route declares its answer and stands in the table of rights."""

from __future__ import annotations

import re
from functools import cache

import pytest
from jsonschema import Draft4Validator, Draft202012Validator

from hokku.api import application, describe
from hokku.api.hyper_schema import hyper_schema
from tests.integration.world import lacks
from tests.rights import RIGHTS

OPERATIONS = [
    f"{method} {route.path_format.replace(':path', '')}"
    for resource in application._RESOURCES
    for route in resource.router.routes
    for method in route.methods
]


@cache
def described():
    """The OpenAPI document."""
    return describe.openapi(application.create().app)


@cache
def published():
    """The hyper-schema."""
    return hyper_schema(described(), "https://api.example.com")


def operations():
    """(method and path, operation) of the OpenAPI document."""
    for path, methods in described()["paths"].items():
        for method, operation in methods.items():
            yield f"{method.upper()} {path}", operation


def references(node):
    """Every $ref below a node."""
    if isinstance(node, dict):
        if isinstance(node.get("$ref"), str):
            yield node["$ref"]
        node = list(node.values())
    if isinstance(node, list):
        for part in node:
            yield from references(part)


def resolves(document, reference):
    """Whether a local reference leads somewhere."""
    for part in reference.removeprefix("#/").split("/"):
        if part not in document:
            return False
        document = document[part]
    return True


def test_every_route_stands_in_the_table_of_rights():
    assert sorted(set(OPERATIONS) - set(RIGHTS)) == [], "add these to tests/rights.py, under the right they need"
    assert sorted(set(RIGHTS) - set(OPERATIONS)) == [], "these are in tests/rights.py, and the API has them no longer"


def test_the_walks_know_how_to_ask_every_route():
    missing = {name: lacks(name) for name in OPERATIONS if lacks(name)}
    assert missing == {}, "say it in tests/integration/world.py: MAKERS, PATHS, BODIES"


def test_no_two_routes_are_the_same():
    assert sorted({each for each in OPERATIONS if OPERATIONS.count(each) > 1}) == []


def test_every_route_says_what_it_answers():
    vague = []
    for name, operation in operations():
        if name in ("GET /openapi.json", "GET /schema"):
            continue
        answers = [answer for status, answer in operation["responses"].items() if status.startswith("2")]
        shapes = [content.get("schema") for answer in answers for content in answer.get("content", {}).values()]
        if not all(shapes) or any(_vague(shape) for shape in shapes):
            vague.append(name)
    assert vague == [], "give these a shape of hokku/api/answers as their return type"


def _vague(shape):
    if shape.get("type") == "array":
        return _vague(shape["items"])
    return "$ref" not in shape and shape.get("additionalProperties") in (True, None) and shape["type"] == "object"


def test_every_answers_shape_allows_no_field_that_it_does_not_say():
    answered = set()
    for _, operation in operations():
        for status, answer in operation["responses"].items():
            if status != "default":
                answered |= set(references(answer))
    loose = [
        reference
        for reference in answered
        if described()["components"]["schemas"][reference.rsplit("/", 1)[1]].get("additionalProperties", True) is True
    ]
    assert loose == []


def test_every_route_says_who_may_use_it_and_how_it_refuses():
    for name, operation in operations():
        refusals = set(operation["responses"])
        assert "default" in refusals, name
        assert ("401" in refusals) is bool(operation["security"]), name
        assert ("404" in refusals) is ("{" in name), name


def test_the_openapi_document_holds_together():
    document = described()
    assert [each for each in references(document) if not resolves(document, each)] == []
    for name, schema in document["components"]["schemas"].items():
        assert re.fullmatch(r"[A-Z][A-Za-z]+", name), name
        Draft202012Validator.check_schema(schema)
    ids = [operation["operationId"] for _, operation in operations()]
    assert len(ids) == len(set(ids))


def test_the_hyper_schema_has_each_resource_with_its_properties_and_links():
    schema = published()
    Draft4Validator.check_schema(schema)
    assert [each for each in references(schema) if not resolves(schema, each)] == []
    app = schema["definitions"]["app"]
    assert app["properties"]["name"]["type"] == ["string"]
    assert app["properties"]["released_at"]["type"] == ["string", "null"]
    assert app["additionalProperties"] is False
    links = {(link["method"], link["href"], link["rel"]) for link in app["links"]}
    one = "/apps/{(%23%2Fdefinitions%2Fapp%2Fdefinitions%2Fidentity)}"
    assert {("GET", "/apps", "instances"), ("POST", "/apps", "create"), ("PATCH", one, "update")} <= links


@pytest.mark.parametrize("resource", ["app", "release", "build", "dyno", "formation", "domain", "key", "collaborator"])
def test_the_hyper_schema_knows_the_resource(resource):
    definition = published()["definitions"][resource]
    assert published()["properties"][resource] == {"$ref": f"#/definitions/{resource}"}
    assert all(link["targetSchema"] and link["title"] for link in definition["links"])
    assert set(definition["required"]) == set(definition["properties"])
