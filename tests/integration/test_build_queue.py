"""The queue of builds on a real PostgreSQL: who gets what, and what becomes of builds whose worker died."""

from __future__ import annotations

import hashlib
import subprocess
import sys
import threading
import uuid
from functools import partial

import pytest

from hokku.build import app_json, compile, job, launch, setup, sweep
from hokku.build.compile import Compiled
from hokku.build.output import Output
from hokku.build.worker import Worker
from hokku.manifold.lxd import LxdError
from hokku.settings import settings
from hokku.store import builds, checksum, slugs, sources
from hokku.store.engine import connect, session
from hokku.store.tables import App, BuildStatus
from tests.integration.loopback import wait_for
from tests.integration.queued_builds import ask, claim, end_all, read, said


@pytest.fixture(autouse=True)
def empty_queue(api):
    """Nothing waits that other tests left."""
    end_all()


@pytest.fixture
def asked(api):
    """Ask for builds of new apps: `asked(2)` of one app."""
    return partial(ask, api)


def test_the_oldest_build_goes_first_and_an_app_has_one_under_way(asked):
    first, second = asked(2)
    (other,) = asked()
    assert [claim("a"), claim("b"), claim("c")] == [first, other, None]
    with session() as opened:
        builds.finish(opened, builds.mine(opened, read(first).id, "a"), BuildStatus.SUCCEEDED)
    assert claim("c") == second
    assert read(first).timings["receive"] >= 0


def test_many_claim_at_once_and_none_gets_anothers(asked):
    wanted = {asked()[0] for _ in range(6)} | set(asked(3)[:1])
    got: list[str | None] = []
    threads = [threading.Thread(target=lambda n=n: got.append(claim(f"w{n}"))) for n in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(filter(None, got)) == sorted(wanted)


def test_a_source_of_two_builds_is_thrown_away_after_the_second(asked):
    first, second = asked(2)
    source = read(first).source_id
    assert claim("a") == first
    job.finish(uuid.UUID(first), "a", None)
    assert read(second).source_id == source
    assert sources.path(source).exists()
    assert claim("a") == second
    job.finish(uuid.UUID(second), "a", None)
    assert not sources.path(source).exists()


def test_a_worker_that_lost_its_build_cannot_touch_it(asked):
    (build_id,) = asked()
    assert claim("old") == build_id
    with session() as opened:
        builds.give_back(opened, "old")
    assert claim("new") == build_id
    with session() as opened:
        assert builds.mine(opened, read(build_id).id, "old") is None
        assert builds.mine(opened, read(build_id).id, "new") is not None


def test_a_killed_worker_is_noticed_and_its_build_fails_with_a_reason(api, asked):
    (build_id,) = asked()
    code = (
        "import sys, time\nfrom hokku.store import builds\nfrom hokku.store.engine import connect, session\n"
        "c = connect()\nassert builds.hold(c, 'doomed')\n"
        "with session() as o: assert builds.claim(o, 'doomed')\nprint('ready', flush=True)\ntime.sleep(60)\n"
    )
    doomed = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    assert doomed.stdout.readline() == "ready\n"
    worker = Worker()
    worker._prove()
    worker._bury_dead()
    assert read(build_id).status is BuildStatus.PENDING, "it lives"
    doomed.kill()
    doomed.wait()
    wait_for("the build to be buried", worker._bury_dead, 20)
    assert read(build_id).status is BuildStatus.FAILED
    assert "stopped in the middle of the build" in read(build_id).error
    assert "push again" in said(api, build_id)
    worker._alive.close()


def test_a_worker_goes_on_taking_builds_after_whatever_one_look_at_the_queue_raised(asked, monkeypatch):
    (build_id,) = asked()
    claim_it, raised = builds.claim, []

    def odd(opened, worker):
        if not raised:
            raised.append(worker)
            raise ValueError("no database error")
        return claim_it(opened, worker)

    monkeypatch.setattr(builds, "claim", odd)
    monkeypatch.setattr(job.Job, "run", lambda self: job.finish(self.build_id, self._worker, "done"))
    worker = Worker()
    threading.Thread(target=worker.run, daemon=True).start()
    try:
        wait_for("the build to be taken", lambda: read(build_id).status is BuildStatus.FAILED, 20)
        assert raised == [worker.name]
    finally:
        worker.stopping.set()


def test_a_build_is_done_when_the_machine_has_no_thread_to_give(asked, monkeypatch):
    (build_id,) = asked()
    worker = Worker()

    class NoThread(threading.Thread):
        def start(self):
            raise RuntimeError("can't start new thread")

    monkeypatch.setattr("hokku.build.worker.threading.Thread", NoThread)
    monkeypatch.setattr(job.Job, "run", lambda self: job.finish(self.build_id, self._worker, "done"))
    worker._take()
    assert read(build_id).error == "done"
    assert worker._under_way() == []


def test_a_build_whose_verdict_was_lost_has_one_at_last_and_the_apps_next_begins(api, asked):
    first, second = asked(2)
    worker = Worker()
    worker._prove()
    assert claim(worker.name) == first
    worker._bury_dead()
    assert read(first).status is BuildStatus.PENDING, "it may have been claimed at this moment"
    worker._bury_dead()
    assert "Something in the platform broke" in read(first).error
    assert "push again" in said(api, first)
    assert claim(worker.name) == second
    worker._alive.close()


def test_a_part_of_the_sweep_that_fails_keeps_no_other_from_being_done(monkeypatch):
    done = []

    def broken():
        raise ValueError("boom")

    for part in ("_containers", "_sources", "_outputs", "_unfinished", "_of_deleted_apps"):
        monkeypatch.setattr(sweep, part, broken)
    sweep.sweep(type("Collector", (), {"collect": lambda self: done.append("garbage")})())
    assert done == ["garbage"]


def test_two_workers_cannot_have_one_name(platform):
    one, two = connect(), connect()
    assert builds.hold(one, "w")
    assert not builds.hold(two, "w")
    one.close()
    wait_for("the lock to go with its connection", lambda: builds.hold(two, "w"), 20)
    two.close()


def test_output_is_in_the_database_soon_and_in_order(api, asked):
    (build_id,) = asked()
    with Output(read(build_id).id) as output:
        output.step("One")
        wait_for("the first line", lambda: "One" in said(api, build_id), 1)
        for number in range(500):
            output.say(f"{number}\n")
        output.raw("é".encode()[:1])
        output.raw("é".encode()[1:] + b"\0\xff\n")
    assert said(api, build_id) == "-----> One\n" + "".join(f"{n}\n" for n in range(500)) + "é\ufffd\n"


def test_what_app_json_wants_comes_with_the_first_release_and_nothing_that_the_user_set_is_lost(api, asked):
    (build_id,) = asked()
    app = read(build_id).app_id
    api.patch(f"/apps/{app}/config-vars", json={"MINE": "set"})
    assert claim("w") == build_id
    wanted = setup.decide(
        app_json.parse(
            b'{"env": {"MINE": "theirs", "PLAIN": "a", "KEY": {"generator": "secret"}}, "scripts": {"postdeploy": "x"},'
            b'"formation": {"web": {"quantity": 2, "size": "Standard-2X"}, "worker": {"quantity": 3}, "no": {}},'
            b'"buildpacks": [{"url": "heroku/python"}, {"url": "https://me:pw@example.com/b.git"}]}'
        ),
        config_vars={"MINE": "set"}, named=False, stack="debian-12", known=settings(), tell=lambda text: None,
    )  # fmt: skip
    compiled = Compiled(slugs.keep([b"slug"], 100), {"web": "x", "worker": "y"}, {}, "Python", {}, wanted)
    cut = launch.cut(read(build_id).id, "w", compiled)
    found = api.get(f"/apps/{app}/config-vars").json()
    assert (found["MINE"], found["PLAIN"], len(found["KEY"])) == ("set", "a", 64)
    assert [release["version"] for release in api.get(f"/apps/{app}/releases").json()][-1] == cut.version == 5
    formation = {row["type"]: (row["quantity"], row["size"]) for row in api.get(f"/apps/{app}/formation").json()}
    assert formation == {"web": (2, "Standard-2X"), "worker": (3, "Basic")}
    installed = [each["buildpack"]["url"] for each in api.get(f"/apps/{app}/buildpack-installations").json()]
    assert installed == ["urn:buildpack:heroku/python", "https://me:pw@example.com/b.git"]
    with session() as opened:
        assert "pw" not in str(opened.get_one(App, app).buildpacks), "it is stored encrypted"


def test_equal_slugs_are_one_file_and_one_too_large_leaves_nothing(platform):
    first = slugs.keep([b"abc", b"def"], 100)
    assert slugs.keep([b"abcdef"], 100) == first
    assert slugs.path(first.sha256).read_bytes() == b"abcdef"
    before = set(settings().slugs_dir.iterdir())
    with pytest.raises(slugs.TooLarge):
        slugs.keep([b"x" * 60, b"x" * 60], 100)
    assert set(settings().slugs_dir.iterdir()) == before


def test_a_cancelled_build_ends_through_the_worker_that_has_it(api, asked, monkeypatch):
    (build_id,) = asked()
    app = read(build_id).app_id
    began = threading.Event()

    class Standing:
        """A container whose build lasts until it is removed."""

        host = type("Host", (), {"name": "dyno1"})

        def __init__(self, *about):
            self.removed = threading.Event()

        def remove(self):
            self.removed.set()

    def compile_slug(order, container, output, known):
        output.step("Working")
        began.set()
        assert container.removed.wait(20)
        raise LxdError("the container went")

    monkeypatch.setattr(job, "Container", Standing)
    monkeypatch.setattr(job, "least_busy", lambda hosts: None)
    monkeypatch.setattr(job.compile, "compile_slug", compile_slug)
    worker = Worker()
    threading.Thread(target=worker.run, daemon=True).start()
    try:
        assert began.wait(20)
        answer = api.delete(f"/apps/{app}/builds/{build_id}")
        assert (answer.status_code, answer.json()["status"]) == (200, "pending")
        wait_for("the build to end", lambda: read(build_id).status is BuildStatus.FAILED, 20)
        assert read(build_id).error == "The build was cancelled by admin@example.com."
        assert said(api, build_id).endswith("\n !     The build was cancelled by admin@example.com.\n")
    finally:
        worker.stopping.set()


def test_a_build_that_is_cancelled_while_it_is_released_makes_no_release(api, asked):
    (build_id,) = asked()
    app = read(build_id).app_id
    assert claim("w") == build_id
    assert api.delete(f"/apps/{app}/builds/{build_id}").status_code == 200
    compiled = Compiled(slugs.keep([b"slug"], 100), {"web": "x"}, {}, "Python", {})
    with pytest.raises(launch.Cancelled, match=r"cancelled by admin@example\.com"):
        launch.cut(read(build_id).id, "w", compiled)
    assert [release["version"] for release in api.get(f"/apps/{app}/releases").json()] == [1, 2]


def test_a_source_that_is_not_what_its_checksum_says_is_not_built(asked, tmp_path):
    source = tmp_path / "source"
    source.write_bytes(b"what came")
    (build_id,) = asked()
    order = compile.Order(
        build_id=read(build_id).id, app_id=read(build_id).app_id, app_name="x", stack="debian-12", commit=None,
        checksum=checksum.normal("SHA256:" + hashlib.sha256(b"what was sent").hexdigest()), buildpacks=(),
        source=source, config_vars={},
    )  # fmt: skip
    with Output(order.build_id) as output, pytest.raises(compile.Rejected, match="the source is damaged"):
        compile.compile_slug(order, None, output, settings())
    source.write_bytes(b"what was sent")
    with Output(order.build_id) as output:
        compile._verify(order, output)
