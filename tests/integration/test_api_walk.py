"""Every route the API has, with real data: it answers what it declares, and what Heroku's schema says, strictly."""

from __future__ import annotations

import re
from urllib.parse import quote

import pytest

from tests.integration.conftest import GIT_TOKEN
from tests.integration.contract import against_heroku, document, heroku_shape, names
from tests.integration.test_api_access import as_bearer
from tests.integration.world import REFUSED
from tests.rights import RIGHTS, Right

# compared with another of Heroku's shapes than the schema names
SHOWN_AS = {
    "POST /filters/apps": "app",  # `team-app` is not strict, and the CLI reads what /apps answers
}


def headers_for(world, right):
    """Headers of somebody who may."""
    if right is Right.PLATFORM:
        return as_bearer(GIT_TOKEN)
    if right in (Right.OPEN, Right.SECRET):
        return {"Authorization": ""}
    return world.admin if right is Right.ADMIN else world.people["owner"]


def declared(name):
    """The schema of what a route declares to answer, or {}."""
    method, path = name.split(" ")
    operation = document()["paths"].get(path, {}).get(method.lower(), {"responses": {}})
    for status, answer in operation["responses"].items():
        if status.startswith("2"):
            return answer.get("content", {}).get("application/json", {}).get("schema", {})
    return {}


@pytest.mark.parametrize("name", names())
def test_a_route_answers_what_it_declares_and_what_heroku_does(api, world, name):
    right = RIGHTS[name]
    reads = name.startswith("GET ")
    call = world.call(name) if reads else world.call(name, world.new_app(), fresh=True)
    headers = headers_for(world, right) | {"Accept": "application/vnd.heroku+json; version=3"}
    answer = api.request(call.method, call.path, headers=headers, **call.more)  # checks it against the OpenAPI document
    if name in REFUSED:
        assert answer.status_code == REFUSED[name], answer.text
        assert len(answer.json()["message"]) > 20
        return
    assert answer.is_success, f"{name}: {answer.status_code} {answer.text[:500]}"
    if not answer.headers.get("content-type", "").startswith("application/json"):
        return
    found = answer.json()
    shape = heroku_shape(name)
    if isinstance(found, list) and shape is not None and declared(name).get("maxItems") != 0:
        assert found != [], f"{name}: the walk has nothing to show; make something in World.app"
    if shape is not None:
        kind, listed = SHOWN_AS.get(name, shape[0]), shape[1]
        entries = found if listed else [found]
        assert isinstance(found, list) is listed, f"{name}: Heroku answers {'a list' if listed else 'one'}"
        complaints = [each for entry in entries for each in against_heroku(kind, entry)]
        assert complaints == [], f"{name} is not Heroku's {kind}: {complaints[:5]}"


def test_heroku_has_most_of_the_routes():
    """What is Hokku's own is few, and known here."""
    own = {name for name in names() if heroku_shape(name) is None and not name.split(" ")[1].startswith("/internal")}
    assert len(own) < len(names()) / 3, sorted(own)


@pytest.mark.parametrize("name", [each for each in names() if each.startswith("GET ")])
def test_a_get_has_an_etag_and_is_304_when_nothing_changed(api, world, name):
    call = world.call(name)
    headers = headers_for(world, RIGHTS[name])
    answer = api.request("GET", call.path, headers=headers, **call.more)
    if not answer.is_success or not answer.headers["content-type"].startswith("application/json"):
        return
    if name.startswith(("GET /account/rate-limits", "GET /oauth/authorizations")):
        assert "ETag" in answer.headers  # they change with each request, or while a token's seconds run
        return
    again = api.request("GET", call.path, headers=headers | {"If-None-Match": answer.headers["ETag"]}, **call.more)
    assert (again.status_code, again.content) == (304, b""), name


@pytest.mark.parametrize("name", [each for each in names() if declared(each).get("type") == "array" and "GET" in each])
def test_a_list_comes_in_ranges(api, world, name):
    call = world.call(name)
    headers = headers_for(world, RIGHTS[name])
    plain = api.request("GET", call.path, headers=headers, **call.more)
    whole = api.request("GET", call.path, headers=headers | {"Range": "id ..; max=1000"}, **call.more)
    assert whole.is_success, (name, whole.text)
    assert plain.status_code == (206 if len(whole.json()) > 200 else 200)
    assert len(plain.json()) == min(200, len(whole.json()))
    fields = whole.headers["Accept-Ranges"].split(", ")
    for way in ("asc", "desc"):
        wanted, seen = f"{fields[0]} ..; order={way},max=1", []
        while wanted and len(seen) < 5:
            part = api.request("GET", call.path, headers=headers | {"Range": wanted}, **call.more)
            assert len(part.json()) == (1 if whole.json() else 0), name
            wanted = part.headers.get("Next-Range")
            assert part.status_code == (206 if wanted else 200)
            seen += part.json()
        assert len({str(each) for each in seen}) == len(seen) == min(5, len(whole.json())), name
    refused = api.request("GET", call.path, headers=headers | {"Range": "nothing ..;"}, **call.more)
    assert (refused.status_code, refused.json()["id"]) == (416, "requested_range_not_satisfiable"), name


ONES = [n for n in names() if re.search(r"^GET .*/{\w+}$", n) and RIGHTS[n] not in (Right.SECRET, Right.OPEN)]
# fields that name a thing's kind and not the thing, by the parameter of the path
NO_NAMES = {("type", "{dyno}"), ("token", "{authorization}"), ("email", "{key}"), ("name", "{user}")}


@pytest.mark.parametrize("name", ONES)
def test_a_range_on_what_is_no_list_is_ignored(api, world, name):
    call = world.call(name)
    headers = headers_for(world, RIGHTS[name])
    plain = api.request("GET", call.path, headers=headers, **call.more)
    ranged = api.request("GET", call.path, headers=headers | {"Range": "id ..; max=1000"}, **call.more)
    assert ranged.status_code == plain.status_code, name


@pytest.mark.parametrize("name", ONES)
def test_names_work_wherever_ids_do(api, world, name):
    """What an answer says of itself (id, name, hostname, version, fingerprint …) finds it again."""
    call = world.call(name)
    headers = headers_for(world, RIGHTS[name])
    answer = api.request("GET", call.path, headers=headers, **call.more)
    if not answer.is_success or not answer.headers["content-type"].startswith("application/json"):
        return
    found = answer.json()
    parent = (
        call.path.rpartition("/")[0] if "{app}" in name or call.path.count("/") < 4 else call.path.rsplit("/", 1)[0]
    )
    tried = 0
    for field in ("id", "name", "hostname", "version", "fingerprint", "token", "email", "type"):
        if not isinstance(found.get(field), str | int) or (field, name.rpartition("/")[2]) in NO_NAMES:
            continue
        again = api.request("GET", f"{parent}/{quote(str(found[field]), safe='')}", headers=headers, **call.more)
        assert again.is_success, f"{name}: {field} {found[field]} does not find it: {again.text}"
        assert again.json()["id"] == found["id"], (name, field)
        tried += 1
    assert tried or "id" not in found, name


@pytest.mark.parametrize("name", [name for name in names() if name.startswith("GET /apps/{app}")])
def test_an_app_is_known_by_id_and_by_name(api, world, name):
    call = world.call(name)
    headers = headers_for(world, RIGHTS[name])
    by_name = api.request("GET", call.path, headers=headers, **call.more)
    by_id = api.request("GET", call.path.replace(world.app["name"], world.app["id"]), headers=headers, **call.more)
    assert by_id.status_code == by_name.status_code
    assert by_id.json() == by_name.json()
