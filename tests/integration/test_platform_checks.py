"""/platform/checks: what works says so, and what does not says what to do."""

from __future__ import annotations

import threading
import time
from datetime import timedelta

import psycopg
import pytest

from hokku.logplex.consume import Mover
from hokku.logplex.places import Places
from hokku.logplex.redis import client
from hokku.store import engine, hosts
from hokku.store.engine import session
from hokku.store.hosts import HostState, Seen

pytestmark = pytest.mark.usefixtures("forgotten_hosts")


@pytest.fixture
def found(api):
    """Ask, and give what was found by part and name."""

    def ask():
        began = time.monotonic()
        answer = api.get("/platform/checks")
        assert answer.status_code == 200, answer.text
        assert time.monotonic() - began < 12
        listed = answer.json()
        assert all((each["remedy"] is None) is (each["state"] == "ok") for each in listed), listed
        assert all(each["message"].endswith(".") for each in listed)
        return {(each["part"], each["name"]): each for each in listed}

    return ask


def test_what_is_not_there_has_failed_and_says_what_to_do(found):
    seen = found()
    assert seen["database", "postgresql"]["state"] == "ok"
    assert seen["logplex", "redis"]["state"] == "ok"
    for part in (("manifold", "leader"), ("builder", "workers"), ("courier", "courier"), ("host", "dyno1")):
        assert seen[part]["state"] == "failed", seen[part]
    assert "hokku-manifold" in seen["manifold", "leader"]["remedy"]
    assert seen["certificates", "manifold"]["state"] == "failed"  # the tests' platform has no such file
    assert seen["disk", "slugs"]["message"].endswith("is free.")


def test_a_manifold_is_well_when_it_is_elected_and_reports(found):
    with engine.connect() as elected:
        assert engine.try_lock(elected, engine.MANIFOLD)
        seen = found()["manifold", "leader"]
        assert (seen["state"], "reported nothing" in seen["message"]) == ("failed", True)
        with session() as opened:
            hosts.report(opened, {"dyno1": Seen(HostState.ONLINE, memory_total=8192)})
        try:
            seen = found()
        finally:
            with session() as opened:
                hosts.report(opened, {})
        assert seen["manifold", "leader"]["state"] == "ok"
        assert "8192 MiB on 1 hosts" in seen["capacity", "memory"]["message"]
    assert found()["manifold", "leader"]["state"] == "failed"


def test_builders_are_known_by_their_connections(found, platform):
    with psycopg.connect(platform.database_url, application_name="hokku-builder@control7"):
        seen = found()["builder", "workers"]
        assert seen["message"] == "Builders work on control7." or seen["state"] == "warning", seen


def test_a_line_must_get_into_its_log(found, platform):
    assert found()["logplex", "lines"]["state"] == "failed"
    mover = Mover(client(), Places(lambda *_: None, timedelta(300)))
    stop = threading.Event()
    moving = threading.Thread(target=mover.run, args=(stop.is_set,))
    moving.start()
    try:
        while not mover.hold():
            stop.wait(0.05)
        assert found()["logplex", "lines"]["state"] == "ok"
    finally:
        stop.set()
        moving.join()
