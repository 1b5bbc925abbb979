"""Sources and builds through the API; the builder's part is played by writing its rows."""

from __future__ import annotations

import threading
import time
import uuid
from urllib.parse import urlsplit

import pytest

from hokku.api import sources as sources_api
from hokku.build import cache
from hokku.settings import settings
from hokku.store import builds
from hokku.store.engine import BUILD, notify, session
from hokku.store.tables import Build, BuildOutput, BuildStatus
from tests.integration.test_api_apps import fresh, refused

TARBALL = b"\x1f\x8b" + bytes(range(256)) * 9000


def uploaded(api, content=TARBALL) -> str:
    """The get_url of a source that was uploaded."""
    blob = api.post("/sources").json()["source_blob"]
    answer = api.put(urlsplit(blob["put_url"]).path, content=content, headers={"Authorization": ""})
    assert answer.status_code == 200, answer.text
    return blob["get_url"]


def say(build_id, text, done=False, status=None):
    """What the builder does when a build says something."""
    with session() as opened:
        opened.add(BuildOutput(build_id=build_id, chunk=text))
        build = opened.get(Build, build_id)
        build.worker = "test"
        if done:
            build.output_done, build.status = True, status
        notify(opened, BUILD, build_id)


def test_a_source_comes_back_as_it_was_put(api):
    path = urlsplit(uploaded(api)).path
    assert api.get(path, headers={"Authorization": ""}).content == TARBALL
    assert not list(settings().sources_dir.glob("*.part"))


def test_a_source_is_closed_without_its_secret(api):
    path = urlsplit(uploaded(api)).path
    wrong = path[:-4] + "AAAA"
    refused(api.get(wrong), 404, "not_found", "Couldn't find that source.")
    refused(api.put(wrong, content=b"x"), 404, "not_found")
    refused(api.put("/sources/x/y", content=b"x"), 404, "not_found")


def test_a_source_that_is_too_large_or_empty_leaves_nothing(api, monkeypatch):
    monkeypatch.setattr(sources_api, "MOST", 1000)
    path = urlsplit(api.post("/sources").json()["source_blob"]["put_url"]).path
    refused(api.put(path, content=b"x" * 1001), 413, "too_large", "larger than")
    refused(api.put(path, content=iter([b"x" * 600, b"x" * 600])), 413, "too_large")
    refused(api.put(path, content=b""), 422, "invalid_params", "empty")
    assert api.get(path).status_code == 404
    assert not list(settings().sources_dir.glob("*.part"))


def test_no_upload_fills_the_disk(api, monkeypatch):
    monkeypatch.setattr(sources_api, "_SPARED", 1 << 62)
    path = urlsplit(api.post("/sources").json()["source_blob"]["put_url"]).path
    refused(api.put(path, content=b"x" * 3000), 503, "service_unavailable", "disk")
    assert not list(settings().sources_dir.glob("*.part"))


@pytest.mark.parametrize(
    "url", ["https://example.com/x.tar.gz", "file:///etc/passwd", "https://localhost:5443/sources/x/y", ""]
)
def test_only_own_sources_are_built(api, url):
    answer = api.post(f"/apps/{fresh(api)['name']}/builds", json={"source_blob": {"url": url}})
    refused(answer, 422, "invalid_params", "POST /sources")


def test_a_source_must_be_uploaded_before_it_is_built(api):
    url = api.post("/sources").json()["source_blob"]["get_url"]
    answer = api.post(f"/apps/{fresh(api)['name']}/builds", json={"source_blob": {"url": url}})
    refused(answer, 422, "invalid_params", "Nothing was uploaded")


def test_the_output_of_a_build_streams_until_it_is_done(api):
    name = fresh(api)["name"]
    blob = {"url": uploaded(api), "version": "abcdef12"}
    build = api.post(f"/apps/{name}/builds", json={"source_blob": blob}).json()
    assert (build["status"], build["source_blob"]["version"]) == ("pending", "abcdef12")
    build_id = uuid.UUID(build["id"])

    def builder():
        for n in range(5):
            say(build_id, f"-----> line {n}\n")
            time.sleep(0.05)
        say(build_id, "done\n", done=True, status=BuildStatus.SUCCEEDED)

    threading.Thread(target=builder).start()
    began = time.monotonic()
    answer = api.get(urlsplit(build["output_stream_url"]).path, headers={"Authorization": ""})
    assert answer.text == "".join(f"-----> line {n}\n" for n in range(5)) + "done\n"
    assert answer.headers["content-type"].startswith("text/plain")
    assert time.monotonic() - began < 2
    rest = api.get(urlsplit(build["output_stream_url"]).path, headers={"Range": "bytes=14-"})
    assert (rest.status_code, rest.text) == (206, answer.text[14:])
    result = api.get(f"/apps/{name}/builds/{build_id}/result").json()
    assert (result["exit_code"], result["lines"][-1]["line"]) == (0, "done\n")
    assert api.get(f"/apps/{name}/builds/{build_id}").json()["status"] == "succeeded"
    assert [entry["id"] for entry in api.get(f"/apps/{name}/builds").json()] == [build["id"]]


def test_the_output_of_a_build_is_closed_without_its_signature(api):
    name = fresh(api)["name"]
    build = api.post(f"/apps/{name}/builds", json={"source_blob": {"url": uploaded(api)}}).json()
    path = urlsplit(build["output_stream_url"]).path
    other = path.replace(build["id"], str(uuid.uuid4()))
    for wrong in (path[:-4] + "0000", other):
        assert api.get(wrong).status_code == 404


def test_a_build_of_another_app_is_not_found(api):
    mine, other = fresh(api)["name"], fresh(api)["name"]
    build = api.post(f"/apps/{mine}/builds", json={"source_blob": {"url": uploaded(api)}}).json()
    refused(api.get(f"/apps/{other}/builds/{build['id']}"), 404, "not_found", "Couldn't find that build.")


def test_the_output_of_a_build_comes_as_events_too_and_resumes(api):
    name = fresh(api)["name"]
    build = api.post(f"/apps/{name}/builds", json={"source_blob": {"url": uploaded(api)}}).json()
    build_id = uuid.UUID(build["id"])
    path = urlsplit(build["output_stream_url"]).path
    say(build_id, "-----> öne\n       two\n")
    say(build_id, "half")
    say(build_id, " a line\r\n", done=True, status=BuildStatus.FAILED)
    events = {"Accept": "text/event-stream", "Authorization": ""}
    answer = api.get(path, headers=events)
    assert answer.headers["content-type"].startswith("text/event-stream")
    assert told(answer.text) == "-----> öne\n       two\nhalf a line\n"
    first = len("-----> öne\n       two\n".encode())
    rest = api.get(path, headers=events | {"Last-Event-ID": str(first)})
    assert told(rest.text) == "half a line\n"
    whole = len("-----> öne\n       two\nhalf a line\r\n".encode())
    assert f"id: {whole}\n" in rest.text
    assert told(api.get(path, headers=events | {"Last-Event-ID": str(whole)}).text) == ""
    assert told(api.get(path, headers=events | {"Last-Event-ID": "nonsense"}).text).startswith("-----> öne")


def told(stream: str) -> str:
    """The text of server-sent events, as a client puts it together."""
    text = ""
    for block in stream.split("\n\n"):
        lines = block.splitlines()
        if "event: eof" not in lines:
            text += "\n".join(line[6:] for line in lines if line.startswith("data: "))
    return text


def test_what_is_known_of_the_source_is_shown_and_its_checksum_has_a_form(api):
    path = f"/apps/{fresh(api)['name']}/builds"
    digits = "ab" * 32
    blob = {"url": uploaded(api), "version": "v1", "version_description": "* M: Change", "checksum": f"sha256:{digits}"}
    build = api.post(path, json={"source_blob": blob}).json()
    shown = api.get(f"{path}/{build['id']}").json()["source_blob"]
    assert (shown["version_description"], shown["checksum"]) == ("* M: Change", f"SHA256:{digits}")
    for wrong in ("MD5:aa", digits, "SHA256:xyz"):
        refused(api.post(path, json={"source_blob": blob | {"checksum": wrong}}), 422, "invalid_params", "SHA256: and")
    long = blob | {"version_description": "x" * 2001}
    refused(api.post(path, json={"source_blob": long}), 422, "invalid_params", "version_description")


def test_a_waiting_build_is_cancelled_at_once(api):
    path = f"/apps/{fresh(api)['name']}/builds"
    build = api.post(path, json={"source_blob": {"url": uploaded(api), "version": ""}}).json()  # as heroku-builds sends
    answer = api.delete(f"{path}/{build['id']}")
    assert (answer.status_code, answer.json()["status"]) == (200, "failed")
    result = api.get(f"{path}/{build['id']}/result").json()
    assert "The build was cancelled by admin@example.com." in result["lines"][-1]["line"]
    refused(api.delete(f"{path}/{build['id']}"), 422, "invalid_params", "has failed")
    with session() as opened:
        assert builds.claim(opened, "nobody") is None or opened.get(Build, uuid.UUID(build["id"])).worker is None


def test_a_build_that_made_its_release_is_not_cancelled(api):
    from tests.integration.test_api_apps import released

    app = released(api, web="x")
    path = f"/apps/{app['name']}"
    build = api.post(f"{path}/builds", json={"source_blob": {"url": uploaded(api)}}).json()
    with session() as opened:
        row = opened.get(Build, uuid.UUID(build["id"]))
        row.worker, row.release_id = "somebody", uuid.UUID(api.get(f"{path}/releases/3").json()["id"])
    refused(api.delete(f"{path}/builds/{build['id']}"), 422, "invalid_params", "heroku rollback")


def test_the_build_cache_is_forgotten(api):
    app = fresh(api)
    cache.keep(uuid.UUID(app["id"]), "debian-12", [b"kept"])
    assert cache.find(uuid.UUID(app["id"]), "debian-12")
    assert cache.find(uuid.UUID(app["id"]), "debian-13") is None, "another stack's"
    for _ in range(2):
        assert api.delete(f"/apps/{app['name']}/build-cache").status_code == 200
    assert cache.find(uuid.UUID(app["id"]), "debian-12") is None
