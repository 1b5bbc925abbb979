"""Release phases on a real PostgreSQL: in which order they run, what they hold back, and what becomes of killed ones.

The command itself is played; that it runs in a dyno is seen on the lab (tests/acceptance/test_release_phase.py).
"""

from __future__ import annotations

import subprocess
import sys
import threading
import uuid
from urllib.parse import urlsplit

import pytest

from hokku.api import release_output
from hokku.build.worker import Worker
from hokku.oneoff.work import Ended
from hokku.release import runner
from hokku.release.runner import Runner
from hokku.store import oneoffs, phases, rollouts
from hokku.store.engine import session
from hokku.store.oneoffs import Oneoff
from hokku.store.phases import Phase, PhaseStatus
from hokku.store.tables import Build, Release, ReleaseStatus
from tests.integration.loopback import wait_for
from tests.integration.release_phases import claim, end, id_of, phase_of, played, release, spec, stop_requested
from tests.integration.test_api_apps import fresh, refused
from tests.integration.test_api_builds import told, uploaded

NOBODY = {"Authorization": ""}


@pytest.fixture(autouse=True)
def empty_queue(api):
    """No phase waits that other tests left."""
    with session() as opened:
        for phase in opened.query(Phase).filter(Phase.ended_at.is_(None)):
            phases.end(opened, phase.release_id, phase.worker, "left by a test")


@pytest.fixture
def app(api):
    """An app with one release that succeeded (v3) and has no release command."""
    made = fresh(api)
    release(api, made, web="x")
    with session() as opened:
        rollouts.decide(opened, id_of(made, 3), ReleaseStatus.SUCCEEDED)
    return made


@pytest.fixture
def running():
    """A runner that takes phases up; stopped after the test."""
    made = Runner("w")
    made.start()
    yield made
    made.stop(10)


def test_a_release_command_holds_its_release_back_until_it_succeeded(api, app):
    made = release(api, app, web="x", release="migrate")
    assert (made["status"], made["current"]) == ("pending", False)
    assert (spec(app).current.version, spec(app).candidate) == (3, None)
    assert claim() == 4
    assert spec(app).candidate is None
    assert end(app, 4)
    assert spec(app).candidate.version == 4
    assert api.get(f"/apps/{app['name']}/releases/4").json()["status"] == "pending", "the manifold rolls it out now"


def test_a_failed_release_command_fails_its_release_and_nothing_else_changes(api, app):
    release(api, app, web="x", release="migrate")
    assert claim() == 4
    assert end(app, 4, "The release command exited with status 1.")
    found = api.get(f"/apps/{app['name']}/releases/4").json()
    assert (found["status"], found["eligible_for_rollback"]) == ("failed", False)
    assert (spec(app).current.version, spec(app).candidate, spec(app).superseded) == (3, None, ())
    assert not end(app, 4), "a verdict stays"


def test_every_new_release_with_such_a_slug_runs_it(api, app):
    name = app["name"]
    slug = release(api, app, web="x", release="migrate")["slug"]["id"]
    assert claim() == 4
    end(app, 4)
    api.patch(f"/apps/{name}/config-vars", json={"A": "1"})
    api.post(f"/apps/{name}/releases", json={"slug": slug, "description": "Retry of v4: Deploy"})  # releases:retry
    api.post(f"/apps/{name}/releases", json={"release": str(id_of(app, 4))})  # rollback v4
    release(api, app, web="x")  # a slug without one
    listed = api.get(f"/apps/{name}/releases").json()
    assert [bool(entry["output_stream_url"]) for entry in listed[3:]] == [True, True, True, True, False]
    assert listed[5]["description"] == "Retry of v4: Deploy"


def test_a_retry_has_the_slug_and_the_config_vars_of_the_release_that_failed(api, app):
    name = app["name"]
    slug = release(api, app, web="x", release="migrate")["slug"]["id"]
    assert claim() == 4
    end(app, 4)
    api.patch(f"/apps/{name}/config-vars", json={"A": "new"})
    assert claim() == 5
    end(app, 5, "The release command exited with status 1.")
    assert api.get(f"/apps/{name}/config-vars").json() == {}
    wanted = {"slug": slug, "description": "Retry of v5: Set A config vars"}
    assert api.post(f"/apps/{name}/releases", json=wanted).json()["version"] == 6
    assert api.get(f"/apps/{name}/releases/6/config-vars").json() == {"A": "new"}
    other = release(api, app, web="x")["slug"]["id"]
    assert api.post(f"/apps/{name}/releases", json=wanted | {"slug": other}).json()["version"] == 8, "a deploy"


def test_phases_of_an_app_run_in_order_and_hold_back_what_came_later(api, app):
    other = fresh(api)
    for _ in range(2):
        release(api, app, web="x", release="migrate")
    release(api, app, web="x")  # v6, without a command
    release(api, other, web="x", release="migrate")
    assert {claim("a"), claim("b"), claim("c")} == {4, 3, None}
    assert end(app, 4, worker="a") or end(app, 4, worker="b")
    assert spec(app).candidate.version == 4, "it does not wait for the next one's command"
    assert claim("c") == 5
    assert spec(app).candidate.version == 4
    end(app, 5, "no", worker="c")
    assert spec(app).candidate.version == 6
    assert spec(app).superseded == ((id_of(app, 4), 6),)


def test_many_claim_at_once_and_none_gets_anothers(api):
    apps = [fresh(api) for _ in range(4)]
    for app in apps:
        for _ in range(2):
            release(api, app, web="x", release="migrate")
    got = []
    threads = [threading.Thread(target=lambda n=n: got.append(claim(f"w{n}"))) for n in range(9)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(filter(None, got)) == [3, 3, 3, 3]
    assert got.count(None) == 5


def test_the_wish_for_its_dyno_has_the_new_release_and_its_command(api, app):
    release(api, app, web="x", release="python migrate.py --all")
    assert claim() == 4
    with session() as opened:
        wish = opened.get(Oneoff, phase_of(app, 4).oneoff_id)
        assert oneoffs.order(opened, wish.id).command == "python migrate.py --all"
    assert (wish.type, wish.attach, wish.release_id, wish.claimed_at) == ("release", True, id_of(app, 4), None)


def test_the_release_type_is_not_scaled_and_has_a_size(api, app):
    release(api, app, web="x", release="migrate")
    path = f"/apps/{app['name']}/formation/release"
    refused(api.patch(path, json={"quantity": 1}), 422, "invalid_params", "Cannot scale release")
    assert api.patch(path, json={"size": "Standard-2X"}).json()["size"] == "Standard-2X"
    assert claim() == 4
    with session() as opened:
        assert opened.get(Oneoff, phases.of(opened, id_of(app, 4)).oneoff_id).size == "standard-2x"


def test_the_command_says_and_its_output_is_kept_streamed_and_logged(api, app, monkeypatch, running):
    logged, go = [], threading.Event()
    monkeypatch.setattr(runner, "emit", lambda app_id, text, *, process, source: logged.append((text, process, source)))

    def command(wrote, wanted):
        wrote(b"migrating\nh\xc3")
        wrote(b"\xa4lf")
        assert go.wait(20)
        wrote(b" done\n")
        return 0

    played(monkeypatch, command)
    made = release(api, app, web="x", release="migrate")
    path = urlsplit(made["output_stream_url"]).path
    threading.Timer(0.5, go.set).start()
    assert api.get(path, headers=NOBODY).text == "migrating\nhälf done\n"
    assert told(api.get(path, headers=NOBODY | {"Accept": "text/event-stream"}).text) == "migrating\nhälf done\n"
    assert api.get(path, headers=NOBODY | {"Range": "bytes=10-"}).text == "hälf done\n"
    wait_for("the verdict", lambda: phase_of(app, 4).status is PhaseStatus.SUCCEEDED, 10)
    assert [text for text, _, _ in logged] == ["migrating", "hälf done"]
    assert {source for _, _, source in logged} == {"app"}
    assert logged[0][1].startswith("release.")
    for wrong in (path[:-4] + "0000", path.replace(made["id"], str(uuid.uuid4()))):
        assert api.get(wrong, headers=NOBODY).status_code == 404


def test_the_output_is_not_found_while_the_command_has_not_been_started(api, app, monkeypatch):
    monkeypatch.setattr(release_output, "_PATIENCE", 0.2)
    made = release(api, app, web="x", release="migrate")
    path = urlsplit(made["output_stream_url"]).path
    refused(api.get(path, headers=NOBODY), 404, "not_found", "has not been started yet")


@pytest.mark.parametrize(
    ("ended", "words"),
    [
        (Ended(3), "exited with status 3"),
        (Ended(None, "the host is offline"), "did not run to its end: the host is offline"),
    ],
)
def test_how_a_command_ended_is_told(api, app, monkeypatch, running, ended, words):
    monkeypatch.setattr(runner.work, "attend", lambda *about, **more: ended)
    made = release(api, app, web="x", release="migrate")
    wait_for("the verdict", lambda: phase_of(app, 4).status is PhaseStatus.FAILED, 10)
    assert words in phase_of(app, 4).error
    assert words in api.get(urlsplit(made["output_stream_url"]).path, headers=NOBODY).text


@pytest.mark.parametrize(
    ("outcomes", "status", "wishes"),
    [
        ([Ended(None, "its host is offline", begun=False), Ended(0)], PhaseStatus.SUCCEEDED, 2),
        ([Ended(None, "its host is offline", begun=False)] * 2, PhaseStatus.FAILED, 2),
        ([Ended(None, "the dyno was lost")], PhaseStatus.FAILED, 1),
    ],
)
def test_a_dyno_that_was_lost_before_it_executed_anything_has_one_other_after_it(
    api, app, monkeypatch, running, outcomes, status, wishes
):
    left, asked = list(outcomes), []
    monkeypatch.setattr(runner.work, "attend", lambda oneoff_id, *_, **__: asked.append(oneoff_id) or left.pop(0))
    release(api, app, web="x", release="migrate")
    wait_for("the verdict", lambda: phase_of(app, 4).ended_at is not None, 10)
    assert (phase_of(app, 4).status, len(set(asked)), left) == (status, wishes, [])
    with session() as opened:
        stopped = [opened.get(Oneoff, each).stop_requested_at is not None for each in asked]
    assert all(stopped), "nothing of it runs on"


def test_a_phase_that_was_cancelled_has_no_other_dyno(api, app, monkeypatch, running):
    def cancelled(oneoff_id, wrote, **more):
        with session() as opened:
            phases.cancel(opened, id_of(app, 4), "It was cancelled.")
        return Ended(None, "its host is offline", begun=False)

    monkeypatch.setattr(runner.work, "attend", cancelled)
    release(api, app, web="x", release="migrate")
    wait_for("the verdict", lambda: phase_of(app, 4).ended_at is not None, 10)
    assert phase_of(app, 4).error == "It was cancelled."


def test_a_command_has_its_time(api, app, monkeypatch, running):
    monkeypatch.setattr(runner, "settings", lambda: SimpleSettings)

    def slow(wrote, wanted):
        threading.Event().wait(0.3)
        return None

    played(monkeypatch, slow)
    release(api, app, web="x", release="migrate")
    wait_for("the verdict", lambda: phase_of(app, 4).status is PhaseStatus.FAILED, 10)
    assert "took longer than" in phase_of(app, 4).error


class SimpleSettings:
    release_timeout = 0.2
    release_concurrency = 1


def test_a_phase_that_breaks_the_platform_fails(api, app, monkeypatch, running):
    def broken(wrote, wanted):
        raise RuntimeError("boom")

    played(monkeypatch, broken)
    release(api, app, web="x", release="migrate")
    wait_for("the verdict", lambda: phase_of(app, 4).status is PhaseStatus.FAILED, 10)
    assert "Something in the platform broke" in phase_of(app, 4).error


def test_a_stopping_builder_fails_its_phases_with_a_reason(api, app, monkeypatch):
    began = threading.Event()

    def until_unwanted(wrote, wanted):
        began.set()
        wait_for("to be unwanted", lambda: not wanted(), 20)
        return None

    played(monkeypatch, until_unwanted)
    made = Runner("w")
    made.start()
    release(api, app, web="x", release="migrate")
    assert began.wait(10)
    made.stop(10)
    assert phase_of(app, 4).status is PhaseStatus.FAILED
    assert "builder was stopped" in phase_of(app, 4).error
    assert "heroku releases:retry" in phase_of(app, 4).error


def test_the_phase_of_a_killed_worker_fails_within_seconds_and_is_not_begun_again(api, app, monkeypatch):
    release(api, app, web="x", release="migrate")
    code = (
        "import time\nfrom hokku.store import builds, phases\nfrom hokku.store.engine import connect, session\n"
        "from hokku.release import runner\nc = connect()\nassert builds.hold(c, 'doomed')\n"
        "with session() as o: assert phases.claim(o, 'doomed', runner._ask)\nprint('ready', flush=True)\ntime.sleep(60)"
    )
    doomed = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    assert doomed.stdout.readline() == "ready\n"
    worker = Worker()
    worker._prove()
    worker._bury_dead()
    assert phase_of(app, 4).status is PhaseStatus.RUNNING, "it lives"
    doomed.kill()
    doomed.wait()
    wait_for("the phase to be buried", lambda: worker._bury_dead() or phase_of(app, 4).ended_at, 20)
    found = phase_of(app, 4)
    assert found.status is PhaseStatus.FAILED
    assert "stopped in the middle of the release command" in found.error
    assert claim() is None
    with session() as opened:
        assert opened.get(Oneoff, found.oneoff_id).stop_requested_at is not None, "what it ran is ended"
        assert opened.get(Release, found.release_id).status is ReleaseStatus.FAILED
    worker._alive.close()


def test_a_build_in_its_release_phase_is_cancelled(api, app, monkeypatch, running):
    began = threading.Event()

    def until_stopped(wrote, wanted):
        began.set()
        wait_for("the stop", lambda: stop_requested(app, 4), 20)
        return None

    played(monkeypatch, until_stopped)
    build = api.post(f"/apps/{app['name']}/builds", json={"source_blob": {"url": uploaded(api)}}).json()
    release(api, app, web="x", release="migrate")
    with session() as opened:
        row = opened.get(Build, uuid.UUID(build["id"]))
        row.worker, row.release_id = "somebody", id_of(app, 4)
    assert began.wait(10)
    assert api.delete(f"/apps/{app['name']}/builds/{build['id']}").status_code == 200
    wait_for("the verdict", lambda: phase_of(app, 4).status is PhaseStatus.FAILED, 10)
    assert phase_of(app, 4).error == "The build was cancelled by admin@example.com."
    answer = api.delete(f"/apps/{app['name']}/builds/{build['id']}")
    refused(answer, 422, "invalid_params", "heroku rollback")


def test_a_phase_that_waits_is_cancelled_at_once(api, app):
    release(api, app, web="x", release="migrate")
    with session() as opened:
        assert phases.cancel(opened, id_of(app, 4), "Enough.").oneoff_id is None
    assert (phase_of(app, 4).status, phase_of(app, 4).error) == (PhaseStatus.FAILED, "Enough.")
    with session() as opened:
        assert phases.output_after(opened, id_of(app, 4))[1] == "\n !     Enough.\n"
    assert api.get(f"/apps/{app['name']}/releases/4").json()["status"] == "failed"
    assert claim() is None


def test_a_phase_whose_dyno_is_refused_fails_with_that_sentence(api, app, monkeypatch):
    monkeypatch.setattr(runner.ask, "MOST", 0)
    release(api, app, web="x", release="migrate")
    assert claim() is None
    assert phase_of(app, 4).status is PhaseStatus.FAILED
    assert "one-off dynos already" in phase_of(app, 4).error


def test_a_phase_that_cannot_be_begun_fails_and_the_others_have_their_turn(api, app, monkeypatch, caplog):
    other = fresh(api)
    release(api, app, web="x", release="migrate")
    release(api, other, web="x", release="migrate")
    ask, bad = runner._ask, id_of(app, 4)

    def asked(opened, phase):
        if phase.release_id == bad:
            raise KeyError("nobody thought of that")
        return ask(opened, phase)

    monkeypatch.setattr(runner, "_ask", asked)
    began = played(monkeypatch, lambda wrote, wanted: 0)
    made = Runner("w")
    made.start()
    try:
        wait_for("the other's verdict", lambda: phase_of(other, 3).status is PhaseStatus.SUCCEEDED, 20)
    finally:
        made.stop(10)
    assert len(began) == 1
    assert "Something in the platform broke" in phase_of(app, 4).error


def test_a_phase_whose_verdict_was_lost_has_one_at_last(api, app):
    release(api, app, web="x", release="migrate")
    made = Runner("w")
    assert claim("w") == 4
    made.bury(lambda worker: False)
    assert phase_of(app, 4).status is PhaseStatus.RUNNING, "it may have been claimed at this moment"
    made.bury(lambda worker: False)
    assert "Something in the platform broke" in phase_of(app, 4).error


def test_waiting_phases_of_a_deleted_app_end(api, app):
    release(api, app, web="x", release="migrate")
    phase = id_of(app, 4)
    assert api.delete(f"/apps/{app['name']}").status_code == 200
    Runner("w").bury(lambda worker: False)
    with session() as opened:
        assert phases.of(opened, phase).error == "The app was deleted."
