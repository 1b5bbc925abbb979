"""What a hostile build may take, declare and hold up, on a real PostgreSQL; its container is played."""

from __future__ import annotations

import threading
import time
from dataclasses import replace
from functools import partial

import pytest

from hokku.build import compile, job, launch
from hokku.build.compile import Compiled
from hokku.build.output import Output
from hokku.manifold.lxd import LxdError
from hokku.settings import settings
from hokku.store import slugs
from hokku.store.tables import BuildStatus
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


def test_a_command_that_prints_for_ever_is_noticed_once_and_the_platforms_words_are_still_kept(api, asked):
    (build_id,) = asked()
    noticed = []
    line = b"y" * 1023 + b"\n"
    with Output(read(build_id).id, 22 * 1024 * 1024, lambda: noticed.append(1)) as output:
        for _ in range(25 * 1024):
            output.raw(line)
        output.bang("The build printed more than it may.")
    assert noticed == [1]
    text = said(api, build_id)
    assert text.count("The output is longer than 20 MB: the rest is left out.") == 1
    assert text.endswith(" !     The build printed more than it may.\n")
    assert len(text) < 21 * 1024 * 1024


def test_a_build_that_takes_too_much_ends_with_the_reason_and_loses_its_container(api, asked, monkeypatch):
    (build_id,) = asked()
    assert claim("w") == build_id
    removed = threading.Event()

    class Greedy:
        """A container whose build is found to take too much."""

        host = type("Host", (), {"name": "dyno1"})

        def __init__(self, host, build_id, settings, exceeded):
            self.exceeded = exceeded

        def remove(self):
            removed.set()

    def compile_slug(order, container, output, known):
        container.exceeded("The build wrote more than 8192 MB to its disk: have it write less, and push again.")
        assert removed.wait(20)
        raise LxdError("the container went")

    monkeypatch.setattr(job, "Container", Greedy)
    monkeypatch.setattr(job, "least_busy", lambda hosts: None)
    monkeypatch.setattr(job.compile, "compile_slug", compile_slug)
    job.Job(read(build_id), "w").run()
    assert read(build_id).status is BuildStatus.FAILED
    assert read(build_id).error.startswith("The build wrote more than 8192 MB")
    assert "Push rejected" in said(api, build_id)


@pytest.mark.parametrize("heeds", [True, False])
def test_a_cache_that_is_never_packed_holds_up_neither_the_verdict_nor_the_container(asked, monkeypatch, heeds):
    (build_id,) = asked()
    assert claim("w") == build_id
    removed, over = [], threading.Event()

    class Standing:
        """A container that is there until it is removed; with `heeds`, what runs in it ends then, as it ought to."""

        host = type("Host", (), {"name": "dyno1"})

        def __init__(self, *about):
            pass

        def remove(self):
            removed.append(time.monotonic())
            if heeds:
                over.set()

    def keep_cache(order, container, output):
        assert over.wait(60)
        raise LxdError("the container went")

    made = Compiled(slugs.keep([b"slug"], 100), {"web": "x"}, {}, "Python", {})
    monkeypatch.setattr(job, "CACHE", 0.5)
    monkeypatch.setattr(job, "Container", Standing)
    monkeypatch.setattr(job, "least_busy", lambda hosts: None)
    monkeypatch.setattr(job.compile, "compile_slug", lambda *about: made)
    monkeypatch.setattr(job.compile, "keep_cache", keep_cache)
    monkeypatch.setattr(job.launch, "wait", lambda *about: launch.Verdict(launch.Outcome.SERVES))
    running = threading.Thread(target=job.Job(read(build_id), "w").run, daemon=True)
    running.start()
    try:
        running.join(20)
        assert not running.is_alive()
        assert read(build_id).status is BuildStatus.SUCCEEDED
        wait_for("the container to be removed", lambda: removed, 10)
    finally:
        over.set()


class Declaring:
    """A container whose buildpacks say what `said` has, and whose steps all succeed."""

    def __init__(self, said, types=b"web: x"):
        self.files = {"declared": said, "detected": b"python\tPython"}
        self.types, self.ran = types, []

    def choose(self, alias):
        return "an image"

    def start(self, image):
        pass

    def push(self, path, content):
        pass

    def run(self, argv, environment, wrote):
        self.ran.append(argv[1])
        return 0

    def read(self, path, limit):
        content = self.files.get(path.removeprefix("/tmp/hokku/"))
        return content and content[: limit + 1]

    def read_of_app(self, path, limit):
        return self.types if path == "/app/Procfile" else None


@pytest.mark.parametrize(
    ("declares", "types", "words"),
    [
        (b"default_process_types:\n  a b: x\n", b"web: x", "The buildpack heroku/python declares in its bin/release"),
        (
            b"default_process_types:\n" + b"".join(b"  w%d: x\n" % n for n in range(150)),
            b"".join(b"p%d: x\n" % n for n in range(100)),
            "declare too much together: there are 250 process types",
        ),
    ],
)
def test_what_a_buildpack_declares_and_no_app_can_have_ends_the_build(api, asked, declares, types, words):
    (build_id,) = asked()
    assert claim("w") == build_id
    order = replace(job.Job(read(build_id), "w")._order(), buildpacks=("heroku/python",), first=False)
    container = Declaring(declares, types)
    with Output(order.build_id) as output, pytest.raises(compile.Rejected):
        compile.compile_slug(order, container, output, settings())
    assert words in said(api, build_id)
    assert "pack" not in container.ran
