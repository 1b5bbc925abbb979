"""What every answer has: versions, ids of requests, pages, ETags, heads, and refusals of what is no request at all."""

from __future__ import annotations

import json
import uuid

import pytest

from tests.integration.test_api_access import person
from tests.integration.test_api_apps import fresh, refused

HEROKU = "application/vnd.heroku+json; version="


@pytest.mark.parametrize("version", ["3", "3.sdk", "3.cedar-acm", "3.webhooks", "3.pipelines", "3.run-inside"])
def test_variants_of_version_3_get_the_same_answer(api, version):
    plain = api.get("/account", headers={"Accept": f"{HEROKU}3"})
    assert api.get("/account", headers={"Accept": HEROKU + version}).json() == plain.json()


@pytest.mark.parametrize("accept", ["", "*/*", "application/json", "application/vnd.heroku+json", "text/html"])
def test_a_version_need_not_be_named(api, accept):
    assert api.get("/account", headers={"Accept": accept}).status_code == 200


@pytest.mark.parametrize("version", ["2", "30", "4", "edge", ""])
def test_other_versions_are_refused_with_what_to_ask_for(api, version):
    answer = api.get("/account", headers={"Accept": HEROKU + version})
    refused(answer, 406, "not_acceptable", "version=3")


@pytest.mark.parametrize("sent", [None, "short", ",".join(str(uuid.uuid4()) for _ in range(190))])
def test_every_answer_has_a_request_id_of_its_own(api, sent):
    """CLIs send the ids of earlier answers back, up to 7 KB of them."""
    headers = {"Request-Id": sent} if sent else {}
    ids = set()
    for method, path in (
        ("GET", "/account"),
        ("GET", "/apps/none"),
        ("GET", "/nowhere"),
        ("PUT", "/apps"),
        ("GET", "/health"),
        ("GET", "/none.git/info/refs?service=git-upload-pack"),
        ("HEAD", "/account"),
        ("GET", "/apps/%00"),
    ):
        answer = api.request(method, path, headers=headers)
        ids.add(str(uuid.UUID(answer.headers["Request-Id"])))
    assert len(ids) == 8
    assert not ids & set((sent or "").split(","))


def test_a_head_is_a_get_without_its_body(api):
    app = fresh(api)
    for path in (f"/apps/{app['name']}", "/apps", "/health", "/schema", f"/apps/{uuid.uuid4()}"):
        head, get = api.head(path), api.get(path)
        assert head.content == b""
        assert (head.status_code, head.headers["content-length"]) == (get.status_code, get.headers["content-length"])
        assert head.headers.get("etag") == get.headers.get("etag")
    assert api.head("/account", headers={"Authorization": ""}).status_code == 401


def test_an_account_that_asks_too_often_is_told_so(api, monkeypatch):
    from hokku.api import access
    from hokku.api.rate import Buckets

    headers = person(api, "greedy@example.com")
    monkeypatch.setattr(access, "buckets", Buckets(2))
    left = [api.get("/account", headers=headers).headers["RateLimit-Remaining"] for _ in range(2)]
    assert left == ["1", "0"]
    answer = api.get("/account", headers=headers)
    refused(answer, 429, "rate_limit", "Your account reached the API rate limit")
    assert answer.headers["RateLimit-Remaining"] == "0"
    assert answer.json()["url"].startswith("https://")
    assert api.get("/account").status_code == 200


def test_what_remains_is_told_as_the_header_tells_it(api):
    answer = api.get("/account/rate-limits")
    assert str(answer.json()["remaining"]) == answer.headers["RateLimit-Remaining"]


def test_a_list_made_in_memory_comes_in_pages_too(api):
    name = fresh(api)["name"]
    path = f"/apps/{name}/domains"
    for n in range(6):
        assert api.post(path, json={"hostname": f"n{n}.{name}.example.org"}).status_code == 201
    everything = [entry["hostname"] for entry in api.get(path).json()]
    assert len(everything) == 7
    for order, expected in (("asc", sorted(everything)), ("desc", sorted(everything, reverse=True))):
        seen, wanted = [], f"hostname ..; order={order},max=3"
        while wanted:
            answer = api.get(path, headers={"Range": wanted})
            seen += [entry["hostname"] for entry in answer.json()]
            wanted = answer.headers.get("Next-Range")
            assert answer.status_code == (206 if wanted else 200)
        assert seen == expected
    ids = sorted(entry["id"] for entry in api.get(path).json())
    between = api.get(path, headers={"Range": f"id ]{ids[1]}..{ids[4]}"}).json()
    assert [entry["id"] for entry in between] == ids[2:5]
    refused(api.get(path, headers={"Range": "size .."}), 416, "requested_range_not_satisfiable", "size", "hostname")


def test_old_clients_ask_every_list_for_a_range_by_id(api):
    name = fresh(api)["name"]
    wanted = [{"buildpack": "heroku/python"}]
    api.put(f"/apps/{name}/buildpack-installations", json={"updates": wanted})
    for path in (f"/apps/{name}/buildpack-installations", "/stacks", f"/apps/{name}/collaborators", "/account"):
        answer = api.get(path, headers={"Range": "id ..; max=1000", "Content-Type": "application/json"})
        assert answer.status_code == 200, path
        assert answer.json()


def test_an_etag_holds_for_the_same_answer_only(api):
    app, other = fresh(api), fresh(api)
    etag = api.get(f"/apps/{app['name']}").headers["ETag"]
    for sent, status in ((etag, 304), (f"W/{etag}", 304), (f'"x", {etag}', 304), ("*", 304), ('"x"', 200)):
        answer = api.get(f"/apps/{app['name']}", headers={"If-None-Match": sent})
        assert (answer.status_code, answer.headers["ETag"]) == (status, etag)
        assert (answer.content == b"") is (status == 304)
    assert api.get(f"/apps/{other['name']}", headers={"If-None-Match": etag}).status_code == 200


JUNK = {
    "not UTF-8": b'{"name": "\xff\xfe"}',
    "half a surrogate": b'{"name": "\\ud800"}',
    "NUL": b'{"name": "a\\u0000b"}',
    "no object": b"[]",
    "a word": b"x",
    "null": b"null",
    "very deep": b'{"name": ' + b"[" * 100_000 + b"]" * 100_000 + b"}",
    "a huge number": b'{"name": 1' + b"0" * 5000 + b"}",
    "a number past 64 bits": b'{"name": 123456789012345678901234567890}',
    "not a number": b'{"name": NaN}',
    "doubled": b'{"name": "aaa", "name": {"a": [1]}}',
    "an object": b'{"name": {"$ne": null}}',
    "long": json.dumps({"name": "a" * 1_000_000}).encode(),
}


@pytest.mark.parametrize("what", JUNK)
@pytest.mark.parametrize("kind", ["application/json", "text/plain", "application/x-www-form-urlencoded", "x"])
def test_junk_in_a_body_is_refused(api, what, kind):
    name = fresh(api)["name"]
    for method, path in (("PATCH", f"/apps/{name}"), ("POST", "/apps"), ("PATCH", f"/apps/{name}/config-vars")):
        answer = api.request(method, path, content=JUNK[what], headers={"Content-Type": kind})
        allowed = 200 if "config-vars" in path or (what, path) == ("null", "/apps") else 400
        assert allowed <= answer.status_code < 500, answer.text


@pytest.mark.parametrize(
    "identity",
    ["%00", "a%00b", "%FF%FE", "%F0%9F%9A%80", "..%2f..%2fetc", "a" * 5000, "%0d%0aX: y", "'; --", "~", "-1"],
)
def test_junk_in_a_path_is_refused(api, identity):
    name = fresh(api)["name"]
    for path in (
        "/apps/{}",
        f"/apps/{name}/releases/{{}}",
        f"/apps/{name}/dynos/{{}}",
        f"/apps/{name}/domains/{{}}",
        f"/apps/{name}/collaborators/{{}}",
        f"/apps/{name}/builds/{{}}",
        "/account/keys/{}",
        "/users/{}/apps",
        "/stacks/{}",
    ):
        answer = api.get(path.format(identity))
        allowed = (200, 400, 404, 422) if identity == "~" else (400, 404, 422)
        assert answer.status_code in allowed, (path, answer.text)
        assert answer.status_code == 200 or set(answer.json()) >= {"id", "message"}


@pytest.mark.parametrize(
    "header",
    [
        "Basic " + "A" * 10_000,
        "Basic AAAA",
        "Basic YQBiOmMAZA==",
        "Bearer " + "x" * 10_000,
        "Bearer \u00e9",
        "Digest x",
        "Bearer",
        "Basic",
        "\t",
    ],
)
def test_junk_in_the_authorization_is_nobody(api, header):
    answer = api.get("/account", headers={"Authorization": header.encode("latin-1")})
    refused(answer, 401, "unauthorized")


@pytest.mark.parametrize(
    "wanted",
    [
        "id",
        "id x..",
        "..",
        "id ..;max=0",
        "id ..; max=99999999",
        "id ..; order=up",
        "bytes=0-5",
        "id %00..",
        "\u00e9 ..",
    ],
)
def test_junk_in_a_range_is_refused(api, wanted):
    answer = api.get("/apps", headers={"Range": wanted.encode("latin-1")})
    refused(answer, 416, "requested_range_not_satisfiable")


def test_what_breaks_is_told_without_its_reason(api, monkeypatch, caplog):
    from hokku.api import apps

    secret = "sword" + "fish"

    def broken(*_):
        raise RuntimeError("the password is " + secret)

    monkeypatch.setattr(apps, "shape", broken)
    name = "breaks-now"
    answer = api.post("/apps", json={"name": name})
    refused(answer, 500, "internal_server_error", "Request-Id")
    assert "Traceback" not in answer.text
    assert "swordfish" not in answer.text + caplog.text
    assert "RuntimeError" in caplog.text
    assert api.get(f"/apps/{name}").status_code == 404
