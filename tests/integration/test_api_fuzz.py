"""The API under input that nobody thought of, made by schemathesis from the API's own description of itself.

Whatever comes: no 5xx, no traceback, and an answer that is declared. The same requests are made each time; more of them
with HOKKU_FUZZ=200 (examples a route).
"""

from __future__ import annotations

import os

import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from tests.integration.contract import document, names
from tests.rights import RIGHTS, Right

EXAMPLES = int(os.environ.get("HOKKU_FUZZ", "12"))
DECLARED = [name for name in names() if RIGHTS[name] is not Right.PLATFORM]
WANTED = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]


@pytest.fixture(scope="module")
def described(api):
    """The API's description, as schemathesis reads it."""
    return schemathesis.openapi.from_dict(document())


def sent(api, case, headers):
    """Send a case to the API in this process."""
    prepared = requests.Request(**case.as_transport_kwargs(base_url="http://testserver")).prepare()
    made = {name: value for name, value in prepared.headers.items() if name.lower() != "authorization"} | headers
    encoded = [(name, value if isinstance(value, bytes) else value.encode("latin-1")) for name, value in made.items()]
    return api.request(prepared.method, prepared.url, content=prepared.body, headers=encoded)


@pytest.mark.parametrize("name", DECLARED)
def test_nothing_that_comes_in_breaks_it(api, world, described, name):
    method, path = name.split(" ")
    operation = described[path][method]
    real = {}
    if "{" in path:
        call = world.call(name, app := world.new_app(), fresh=True)
        real = dict(zip(pattern_of(path), parts_of(call.path, path), strict=True))
        real |= {"app": app["id"]} if "app" in real else {}
    ways = [operation.as_strategy(path_parameters=real) if real else operation.as_strategy()]
    if real:
        ways.append(operation.as_strategy())
    if operation.body or operation.query:
        more = {"path_parameters": real} if real else {}
        ways.append(operation.as_strategy(GenerationMode.NEGATIVE, **more))
    people = {"owner": world.token(), "nobody": {"Authorization": ""}}

    @settings(
        max_examples=EXAMPLES if len(ways) > 1 else max(3, EXAMPLES // 4),
        deadline=None,
        database=None,
        derandomize=True,
        phases=(Phase.explicit, Phase.generate),
        suppress_health_check=list(HealthCheck),
    )
    @given(case=st.one_of(ways), who=st.sampled_from(["owner", "owner", "owner", "nobody"]))
    def ask(case, who):
        answer = sent(api, case, people[who])
        assert answer.status_code < 500, answer.text
        assert "Traceback" not in answer.text
        case.validate_response(answer, checks=WANTED)

    ask()


def pattern_of(path):
    """The names of a path's parameters."""
    return [part[1:-1] for part in path.split("/") if part.startswith("{")]


def parts_of(path, pattern):
    """The values of a path's parameters; the last one may hold slashes."""
    length = pattern.count("/")
    parts = path.split("/", length)
    return [value for value, part in zip(parts, pattern.split("/"), strict=True) if part.startswith("{")]
