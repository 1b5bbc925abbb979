"""What a push does and says while a release command of its app runs, on a real PostgreSQL."""

from __future__ import annotations

import threading
import uuid

import pytest

from hokku.build import launch
from hokku.build import phase as following
from hokku.build.output import Output
from hokku.settings import settings
from hokku.store import builds, phases
from hokku.store.engine import session
from tests.integration import test_release_phases
from tests.integration.loopback import wait_for
from tests.integration.release_phases import claim, end, id_of, release
from tests.integration.test_api_builds import uploaded

app, empty_queue = test_release_phases.app, test_release_phases.empty_queue  # the same fixtures


def test_a_push_has_patience_with_an_earlier_release_command(api, app, monkeypatch):
    monkeypatch.setattr(launch, "_MARGIN", 0.3)
    release(api, app, web="x", release="migrate")
    release(api, app, web="x")  # v5, what is pushed
    assert claim() == 4
    quick = settings().model_copy(update={"boot_timeout": 0.1, "drain_timeout": 0.1})
    verdicts = []
    thread = threading.Thread(target=lambda: verdicts.append(launch.wait(uuid.UUID(app["id"]), id_of(app, 5), quick)))
    thread.start()
    thread.join(2)
    assert thread.is_alive(), verdicts
    end(app, 4)
    thread.join(10)
    assert verdicts == [launch.Verdict(launch.Outcome.LATE)], "nothing rolls it out here"


@pytest.mark.parametrize(("error", "word"), [(None, "done"), ("The release command exited with status 1.", "failed")])
def test_a_push_is_told_what_the_command_says(api, app, error, word):
    build = api.post(f"/apps/{app['name']}/builds", json={"source_blob": {"url": uploaded(api)}}).json()
    release(api, app, web="x", release="migrate")
    assert claim() == 4
    results = []

    def push():
        with Output(uuid.UUID(build["id"])) as output:
            results.append(following.follow(id_of(app, 4), output))

    def said():
        with session() as opened:
            return builds.output_after(opened, uuid.UUID(build["id"]))[1]

    thread = threading.Thread(target=push)
    thread.start()
    with session() as opened:
        phases.append_output(opened, id_of(app, 4), "one\ntw")
    wait_for("the first lines", lambda: "one\n" in said(), 10)
    with session() as opened:
        phases.append_output(opened, id_of(app, 4), "o")
        phases.end(opened, id_of(app, 4), "w", error)
    thread.join(10)
    assert results == [error]
    reason = f"\n !     {error}" if error else ""
    whole = f"Running release command...\n\none\ntwo{reason}\nWaiting for release.... {word}.\n"
    assert said().startswith(whole)
    assert ("Push rejected" in said()) is bool(error)
    begun = said()
    with Output(uuid.UUID(build["id"])) as output:
        following.follow(id_of(app, 4), output, "Something\nRunning release command...\n\none\nt")
    assert said()[len(begun) :].startswith(f"wo{reason}\nWaiting"), "the next builder goes on where this one died"
    assert following.follow(id_of(app, 3), None) is None, "v3 has no release command"
