"""Builds that make a slug and no release, on a real PostgreSQL."""

from __future__ import annotations

import threading
import uuid
from datetime import timedelta
from urllib.parse import urlsplit

import pytest

from hokku.build import compile, job, launch
from hokku.build.compile import Compiled
from hokku.build.garbage import collect
from hokku.build.worker import Worker
from hokku.store import builds, slugs
from hokku.store.engine import session
from hokku.store.tables import BuildStatus, Slug, now
from tests.integration.loopback import wait_for
from tests.integration.queued_builds import claim, end_all, read, said
from tests.integration.test_api_apps import fresh, refused
from tests.integration.test_api_builds import uploaded


@pytest.fixture(autouse=True)
def empty_queue(api):
    """Nothing waits that other tests left."""
    end_all()


def ask(api, app, **more):
    return api.post(f"/apps/{app['id']}/builds", json={"source_blob": {"url": uploaded(api)}, "release": False, **more})


def compiled(content: bytes | None = None) -> Compiled:
    return Compiled(slugs.keep([content or uuid.uuid4().bytes], 100), {"web": "x"}, {"A": "b"}, "Python", {"build": 1})


@pytest.fixture
def made(api):
    """(app, build's id, slug's id) of a build that made its slug, and is not over yet."""
    app = fresh(api)
    build_id = ask(api, app).json()["id"]
    assert claim("w") == build_id
    return app, build_id, str(launch.put_by(read(build_id).id, "w", compiled()))


def versions(api, app):
    return [release["version"] for release in api.get(f"/apps/{app['id']}/releases").json()]


def test_a_build_makes_a_slug_and_no_release_and_the_slug_can_be_released(api, made):
    app, build_id, slug_id = made
    job.finish(read(build_id).id, "w", None)
    shown = api.get(f"/apps/{app['id']}/builds/{build_id}").json()
    assert (shown["status"], shown["release"], shown["slug"]) == ("succeeded", None, {"id": slug_id})
    assert versions(api, app) == [1, 2]
    released = api.post(f"/apps/{app['id']}/releases", json={"slug": slug_id})
    assert (released.status_code, released.json()["version"]) == (201, 3)
    assert api.get(f"/apps/{app['id']}/slugs/{slug_id}").json()["process_types"] == {"web": "x"}


def test_what_is_asked_for_without_saying_so_makes_a_release(api):
    app = fresh(api)
    build = api.post(f"/apps/{app['id']}/builds", json={"source_blob": {"url": uploaded(api)}}).json()
    assert claim("w") == build["id"]
    cut = launch.cut(read(build["id"]).id, "w", compiled())
    assert versions(api, app)[-1] == cut.version == 3


def test_the_slug_is_made_once_however_often_the_database_goes_away(made):
    _, build_id, slug_id = made
    assert str(launch.put_by(read(build_id).id, "w", compiled())) == slug_id


def test_the_builder_says_which_slug_is_ready_and_keeps_the_cache_before(api, monkeypatch):
    app, kept = fresh(api), []

    class Standing:
        host = type("Host", (), {"name": "dyno1"})

        def __init__(self, *about):
            pass

        def remove(self):
            pass

    def compile_slug(order, container, output, known):
        assert not order.first, "app.json is for builds that make a release"
        return compiled()

    def keep_cache(order, container, output):
        kept.append(read(build_id).slug_id)

    monkeypatch.setattr(job, "Container", Standing)
    monkeypatch.setattr(job, "least_busy", lambda hosts: None)
    monkeypatch.setattr(compile, "compile_slug", compile_slug)
    monkeypatch.setattr(compile, "keep_cache", keep_cache)
    worker = Worker()
    build_id = ask(api, app).json()["id"]
    threading.Thread(target=worker.run, daemon=True).start()
    try:
        wait_for("the build to end", lambda: read(build_id).status is BuildStatus.SUCCEEDED, 20)
    finally:
        worker.stopping.set()
    assert kept == [None]
    assert f"-----> Slug {read(build_id).slug_id} is ready; release it with " in said(api, build_id)
    assert versions(api, app) == [1, 2]


def test_it_can_be_cancelled_until_its_slug_is_made(api, made):
    app, build_id, slug_id = made
    refused(api.delete(f"/apps/{app['id']}/builds/{build_id}"), 422, "invalid_params", slug_id)
    job.finish(read(build_id).id, "w", None)
    other = ask(api, app).json()["id"]
    assert claim("w") == other
    assert api.delete(f"/apps/{app['id']}/builds/{other}").status_code == 200
    with pytest.raises(launch.Cancelled):
        launch.put_by(read(other).id, "w", compiled())


def test_a_builder_that_dies_after_the_slug_leaves_a_build_that_succeeded(api, made):
    _, build_id, slug_id = made
    with session() as opened:
        builds.give_back(opened, "w")
    assert read(build_id).worker == "w", "it is not built again"
    worker = Worker()
    worker._prove()
    try:
        assert worker._bury_dead()
    finally:
        worker._alive.close()
    assert (read(build_id).status, str(read(build_id).slug_id)) == (BuildStatus.SUCCEEDED, slug_id)


def test_its_slug_is_kept_for_a_week_as_an_upload_is(api, made):
    app, build_id, slug_id = made
    job.finish(read(build_id).id, "w", None)
    collect(None, 3, timedelta(0))
    shown = api.get(f"/apps/{app['id']}/slugs/{slug_id}").json()
    assert shown["deleted_at"] is None
    assert api.get(urlsplit(shown["blob"]["url"]).path).status_code == 200
    with session() as opened:
        opened.get_one(Slug, uuid.UUID(slug_id)).updated_at = now() - timedelta(days=8)
    for _ in range(2):
        collect(None, 3, timedelta(0))
    assert api.get(f"/apps/{app['id']}/slugs/{slug_id}").status_code == 404
    assert api.get(f"/apps/{app['id']}/builds/{build_id}").json()["slug"] is None


def test_an_app_has_twenty_slugs_that_wait_with_those_that_are_being_built(api):
    app = fresh(api)
    upload = {"json": {"process_types": {"web": "x"}}}
    for _ in range(18):
        assert api.post(f"/apps/{app['id']}/slugs", **upload).status_code == 201
    first, second = ask(api, app), ask(api, app)
    assert (first.status_code, second.status_code) == (201, 201)
    refused(ask(api, app), 422, "invalid_params", "20 slugs that were not released")
    refused(api.post(f"/apps/{app['id']}/slugs", **upload), 422, "invalid_params", "20 slugs")
    assert ask(api, app, release=True).status_code == 201, "a release needs no such place"
    assert api.delete(f"/apps/{app['id']}/builds/{first.json()['id']}").status_code == 200
    assert ask(api, app).status_code == 201


def test_release_is_true_or_false(api):
    refused(ask(api, fresh(api), release="perhaps"), 422, "invalid_params")
