"""A build that would do again what an earlier one did, on a real PostgreSQL; its container is played."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime, timedelta

import pytest

from hokku.build import compile, job, launch
from hokku.settings import settings
from hokku.store import slugs
from hokku.store.engine import session
from hokku.store.tables import BuildStatus, Slug
from tests.integration.queued_builds import claim, end_all, read, said
from tests.integration.test_api_apps import fresh, refused
from tests.integration.test_api_builds import uploaded


class Container:
    """One whose steps all succeed, and that counts how often it was made. `image` is what the stack has now."""

    host = type("Host", (), {"name": "dyno1"})
    image = "an image"
    once: bytes | None = None

    def __init__(self):
        self.started = 0

    def choose(self, alias):
        return self.image

    def start(self, image):
        assert image == self.image
        self.started += 1

    def push(self, path, content):
        pass

    def run(self, argv, environment, wrote):
        return 0

    def read(self, path, limit):
        files = {"detected": b"python\tPython", "declared": b"config_vars:\n  MADE: by-the-pack\n"}
        if self.once is not None:
            files["once"] = self.once
        return files.get(path.removeprefix("/tmp/hokku/"))

    def read_of_app(self, path, limit):
        return b"web: run" if path == "/app/Procfile" else None

    def remove(self):
        pass


@pytest.fixture(autouse=True)
def queue(api, monkeypatch):
    """Nothing waits that other tests left; what is built is new each time, and serves at once."""
    end_all()
    monkeypatch.setattr(compile, "_pack", lambda *about: slugs.keep([uuid.uuid4().bytes], 100))
    monkeypatch.setattr(compile, "keep_cache", lambda *about: None)
    monkeypatch.setattr(job, "least_busy", lambda hosts: None)
    monkeypatch.setattr(launch, "wait", lambda *about: launch.Verdict(launch.Outcome.SERVES))


@pytest.fixture
def build(api, monkeypatch):
    """Have a build of the app done; (whether a container was made for it, its slug, what it said)."""

    def do(app, container=None, **source):
        container = container or Container()
        before = container.started
        monkeypatch.setattr(job, "Container", lambda *about: container)
        more = {key: source.pop(key) for key in ("buildpacks", "release") if key in source}
        body = {"source_blob": {"url": uploaded(api, uuid.uuid4().bytes), "content": "tree 1"} | source} | more
        build_id = api.post(f"/apps/{app['id']}/builds", json=body).json()["id"]
        assert claim("w") == build_id
        job.Job(read(build_id), "w").run()
        ended = read(build_id)
        assert ended.status is BuildStatus.SUCCEEDED, said(api, build_id)
        with session() as opened:
            slug = opened.get_one(Slug, ended.slug_id)
            opened.expunge(slug)
        return container.started > before, slug, said(api, build_id)

    return do


def test_the_same_source_is_not_built_again_and_its_slug_is_released_again(api, build):
    app = fresh(api)
    _, first, _ = build(app, version="abc")
    made, second, text = build(app, version="def")
    assert not made
    assert (second.sha256, second.process_types, second.buildpack) == (first.sha256, {"web": "run"}, "Python")
    assert (first.commit, second.commit) == ("abc", "def")
    assert slugs.default_config(second) == {"MADE": "by-the-pack"}
    assert "Using the slug of v3: source, config vars, buildpacks and stack are the same" in text
    assert f"heroku builds:cache:purge --app {app['name']}" in text
    made, _, text = build(app)
    assert (made, "Using the slug of v4" in text) == (False, True)


@pytest.mark.parametrize("same", [True, False])
def test_a_source_of_which_nothing_is_said_is_known_by_its_archive(api, build, monkeypatch, same):
    app, archive = fresh(api), uuid.uuid4().bytes
    archives = iter([archive, archive if same else uuid.uuid4().bytes])
    for is_made in (True, not same):
        made, _, _ = build(app, content=None, url=uploaded(api, next(archives)))
        assert made is is_made


@pytest.mark.parametrize("what", ["source", "config", "image", "buildpack", "platform", "purged", "content", "deleted"])
def test_what_is_not_the_same_is_built(api, build, monkeypatch, what):
    app, container, more = fresh(api), Container(), {}
    _, slug, _ = build(app)
    match what:
        case "source":
            more["content"] = "tree 2"
        case "config":
            assert api.patch(f"/apps/{app['id']}/config-vars", json={"A": "b"}).status_code == 200
        case "image":
            container.image = "another image"
        case "buildpack":
            more["buildpacks"] = [{"name": "heroku/python"}]
        case "platform":
            monkeypatch.setattr(compile.again, "_own", lambda: "another version")
        case "purged":
            assert api.delete(f"/apps/{app['id']}/build-cache").status_code == 200
        case "content":
            slugs.path(slug.sha256).unlink()
        case "deleted":
            with session() as opened:
                opened.get_one(Slug, slug.id).deleted_at = slug.created_at
    made, other, _ = build(app, container, **more)
    assert made
    assert other.sha256 != slug.sha256
    assert build(app, container, **more)[0] is False


def test_what_does_not_make_the_same_of_the_same_is_built_each_time(api, build):
    app, container = fresh(api), Container()
    container.once = b"always\n"
    for _ in range(2):
        before = container.started
        build(app, container)
        assert container.started == before + 1


def test_what_a_registry_said_is_good_for_the_day(api, build, monkeypatch):
    app, container = fresh(api), Container()
    container.once = b"day\n"
    moment = datetime(2026, 11, 27, 12, tzinfo=UTC)
    monkeypatch.setattr(compile.again, "datetime", type("Clock", (), {"now": lambda zone: moment}))
    assert [build(app, container)[0] for _ in range(3)] == [True, False, False]
    moment += timedelta(days=1)
    assert [build(app, container)[0] for _ in range(2)] == [True, False]


def test_an_app_never_gets_the_slug_of_another(api, build):
    _, first, _ = build(fresh(api))
    made, second, _ = build(fresh(api))
    assert made
    assert second.sha256 != first.sha256


def test_a_slug_without_a_release_is_found_too(api, build):
    app = fresh(api)
    build(app)
    api.patch(f"/apps/{app['id']}/config-vars", json={"A": "b"})
    _, first, _ = build(app, release=False)
    made, second, text = build(app, release=False)
    assert (made, second.sha256) == (False, first.sha256)
    assert "Using the slug of the last build" in text


def test_what_stands_for_a_source_is_checked(api):
    body = {"source_blob": {"url": uploaded(api), "content": "x" * 201}}
    refused(api.post(f"/apps/{fresh(api)['id']}/builds", json=body), 422, "invalid_params", "source_blob.content")


def test_the_digest_is_no_oracle_for_config_vars(platform, monkeypatch):
    about = ("tree 1", "image", "debian-13", [], {"SECRET": "a"})
    first = compile.again.digests(*about)
    monkeypatch.setattr(compile.again, "_key", lambda: b"another platform")
    assert first != compile.again.digests(*about)
    assert str(settings().config_key_file) not in repr(first)
