"""Builds in the queue as tests ask for them, take them and look at them."""

from __future__ import annotations

import time

from hokku.store import builds
from hokku.store.engine import session
from hokku.store.tables import Build, BuildStatus
from tests.integration.test_api_builds import uploaded


def ask(api, count=1):
    """Ask for builds of one new app; their ids."""
    app = api.post("/apps", json={"name": f"queue-{time.time_ns() % 10**12:x}"}).json()["id"]
    body = {"source_blob": {"url": uploaded(api), "version": "abc"}}
    return [api.post(f"/apps/{app}/builds", json=body).json()["id"] for _ in range(count)]


def end_all():
    """Nothing waits that other tests left."""
    with session() as opened:
        for build in opened.query(Build).filter(Build.status == BuildStatus.PENDING):
            builds.finish(opened, build, BuildStatus.FAILED, "left by a test")


def claim(worker):
    with session() as opened:
        build = builds.claim(opened, worker)
    return str(build.id) if build else None


def read(build_id):
    with session() as opened:
        build = opened.get_one(Build, build_id)
        opened.expunge(build)
    return build


def said(api, build_id):
    app = read(build_id).app_id
    return "".join(line["line"] for line in api.get(f"/apps/{app}/builds/{build_id}/result").json()["lines"])
