"""One-off dynos through the API: what is refused, what is written down, and that secrets open once."""

from __future__ import annotations

import os
import pty
import signal
import subprocess
import uuid
from datetime import timedelta

import pytest
from sqlalchemy import select

from hokku.oneoff import ask
from hokku.store import oneoffs, phases, terminals
from hokku.store.engine import session
from hokku.store.oneoffs import Oneoff
from hokku.store.tables import Dyno, DynoState, Event, Release, now
from hokku.store.terminals import Terminal
from tests.integration.test_api_apps import fresh, refused, released
from tests.integration.world import settle

TELL = ' ; echo "\uffff heroku-command-exit-status: $?"'


@pytest.fixture
def app(api):
    """An app that was deployed."""
    made = released(api, web="gunicorn web", worker="python worker.py")
    settle(made)
    return made


def run(api, app, status=201, **body):
    """What POST /apps/A/dynos answers."""
    answer = api.post(f"/apps/{app['name']}/dynos", json=body)
    assert answer.status_code == status, answer.text
    return answer.json()


def row_of(dyno):
    """The wish behind an answer."""
    with session() as opened:
        return opened.get(Oneoff, uuid.UUID(dyno["id"]))


def begun(dyno, state=DynoState.UP):
    """As if the manifold had begun it."""
    wish = row_of(dyno)
    with session() as opened:
        assert oneoffs.claim(opened, wish.id)
        opened.add(
            Dyno(
                id=wish.id, app_id=wish.app_id, release_id=wish.release_id, type=wish.type, number=wish.number,
                size=wish.size, command="", state=state, instance=f"d-{wish.id.hex}", host="dyno1", slot=wish.number,
                address="10.99.1.1",
            )
        )  # fmt: skip


def test_an_app_that_was_not_deployed_has_nothing_to_run(api):
    answer = api.post(f"/apps/{fresh(api)['name']}/dynos", json={"command": "bash"})
    refused(answer, 422, "invalid_params", "was not deployed yet", "git push heroku main")


def test_a_config_var_is_there_before_its_release_serves_but_not_before_its_release_command(api, app):
    assert api.patch(f"/apps/{app['name']}/config-vars", json={"FROG": "jumps"}).status_code == 200
    assert run(api, app, command="env")["release"]["version"] == 4
    with session() as opened:
        phases.begin(opened, opened.scalar(select(Release).where(Release.app_id == app["id"], Release.version == 4)))
    assert run(api, app, command="env")["release"]["version"] == 3


def test_a_detached_one_is_written_down_and_listed_before_it_is_begun(api, app):
    made = run(api, app, command="python manage.py migrate", env={"SECRET": "s3cret"}, size="standard-2X")
    assert (made["attach_url"], made["state"], made["type"], made["size"]) == (None, "starting", "run", "Standard-2X")
    assert made["name"].startswith("run.")
    assert 1000 <= int(made["name"].removeprefix("run.")) <= 9999
    assert made["release"]["version"] == 3
    listed = api.get(f"/apps/{app['name']}/dynos").json()
    assert [(each["name"], each["command"]) for each in listed] == [(made["name"], "python manage.py migrate")]
    assert api.get(f"/apps/{app['name']}/dynos/{made['name']}").json() == listed[0]
    begun(made)
    again = api.get(f"/apps/{app['name']}/dynos/{made['id']}").json()
    assert (again["state"], again["command"]) == ("up", "python manage.py migrate")


def test_nothing_that_was_typed_is_readable_in_the_database(api, app):
    made = run(api, app, command="echo typed-secret", env={"KEY": "typed-secret"}, attach=True)
    secret = made["attach_url"].rpartition("/")[2]
    with session() as opened:
        wish, terminal = (opened.get(kind, uuid.UUID(made["id"])) for kind in (Oneoff, Terminal))
        stored = repr([vars(wish), vars(terminal)])
        events = opened.scalars(select(Event).where(Event.app_id == wish.app_id, Event.action == "dyno.create")).all()
        assert events[-1].data == {"dyno": made["name"], "size": "Basic"}
    assert "typed-secret" not in stored
    assert secret not in stored


def test_a_secret_opens_one_connection_and_not_for_long(api, app):
    secrets = [run(api, app, command="bash", attach=True)["attach_url"].rpartition("/")[2] for _ in range(2)]
    assert all(len(secret) == terminals.SECRET_LENGTH for secret in secrets)
    with session() as opened:
        assert terminals.connect(opened, "here", secret=secrets[0]) is not None
        assert terminals.connect(opened, "here", secret=secrets[0]) is None
        assert terminals.connect(opened, "here", secret="x" * terminals.SECRET_LENGTH) is None
        late = opened.scalar(select(Terminal).where(Terminal.connected_at.is_(None), Terminal.app_id == app["id"]))
        late.expires_at = now() - timedelta(seconds=1)
        opened.flush()
        assert terminals.connect(opened, "here", secret=secrets[1]) is None


def test_a_wish_is_claimed_once(api, app):
    made = uuid.UUID(run(api, app, command="true")["id"])
    with session() as opened:
        assert oneoffs.claim(opened, made) is True
        assert oneoffs.claim(opened, made) is False
    with session() as opened:
        oneoffs.end(opened, made, 0, "done")
        assert oneoffs.load(opened, [uuid.UUID(app["id"])]) == {}


def test_a_process_type_stands_for_its_command(api, app):
    assert run(api, app, command="worker --once")["command"] == "python worker.py --once"
    assert run(api, app, command="worker" + TELL)["command"] == "python worker.py"
    assert run(api, app, command="workers")["command"] == "workers"
    typed = run(api, app, type="worker")
    assert (typed["command"], typed["type"]) == ("python worker.py", "worker")


def test_what_cannot_be_run_is_refused_in_a_sentence(api, app):
    path = f"/apps/{app['name']}/dynos"
    for body, words in (
        ({"command": " "}, ["empty", "heroku run bash"]),
        ({"command": "x", "type": "web"}, ["heroku run web"]),
        ({"command": "x", "type": "no type"}, ["not a process type"]),
        ({"command": "x", "size": "huge"}, ["huge", "Basic"]),
        ({"command": "x", "env": {"A=B": "1"}}, ["A=B", "environment"]),
        ({"command": "x" * 70_000}, ["64 KiB"]),
        ({"command": "a\0b"}, ["text"]),
        ({"command": "x", "time_to_live": 90_000}, ["time_to_live"]),
    ):
        refused(api.post(path, json=body), 422, "invalid_params", *words)
    lone = api.post(path, content=b'{"command": "\\ud800"}', headers={"Content-Type": "application/json"})
    assert lone.status_code == 422


def test_an_app_has_so_many_and_no_more(api, app, monkeypatch):
    monkeypatch.setattr(ask, "MOST", 2)
    numbers = {run(api, app, command="true")["name"] for _ in range(2)}
    assert len(numbers) == 2
    refused(api.post(f"/apps/{app['name']}/dynos", json={"command": "true"}), 422, "invalid_params", "2 one-off dynos")


def test_stopping_asks_for_the_end_by_name_by_id_and_by_type(api, app):
    path = f"/apps/{app['name']}"
    made = [run(api, app, command="true") for _ in range(4)]
    begun(made[1])
    for dyno, (method, rest) in zip(
        made,
        (
            ("DELETE", "/dynos/{name}"), ("POST", "/dynos/{id}/actions/stop"),
            ("POST", "/formations/run/actions/stop"), ("DELETE", "/dynos/run"),
        ),
        strict=True,
    ):  # fmt: skip
        assert api.request(method, path + rest.format(**dyno)).status_code == 202
        assert row_of(dyno).stop_requested_at is not None
    refused(api.delete(f"{path}/dynos/run.1"), 404, "not_found", "run.1")


def test_a_command_in_a_running_dyno(api, app):
    path = f"/apps/{app['name']}/dynos"
    made = run(api, app, command="sleep 100")
    refused(api.post(f"{path}/run.1", json={"command": "bash"}), 404, "not_found", "run.1")
    begun(made, DynoState.STARTING)
    refused(api.post(f"{path}/{made['name']}", json={"command": "bash"}), 422, "invalid_params", "not up")
    with session() as opened:
        opened.get(Dyno, uuid.UUID(made["id"])).state = DynoState.UP
    answer = api.post(f"{path}/{made['name']}", json={"command": "bash", "env": {"COLUMNS": 80}})
    assert answer.status_code == 201, answer.text
    assert answer.json()["attach_url"].startswith("rendezvous://")
    with session() as opened:
        found = terminals.connect(opened, "here", secret=answer.json()["attach_url"].rpartition("/")[2])
        assert (found.dyno_id, found.tty, found.id == found.dyno_id) == (uuid.UUID(made["id"]), True, False)
        assert oneoffs.unseal(found.sealed).command == "bash"


def test_a_running_dyno_takes_so_many_commands_until_one_of_them_ends(api, app, monkeypatch):
    monkeypatch.setattr(ask, "MOST", 2)
    made = run(api, app, command="sleep 100")
    begun(made, DynoState.UP)
    path = f"/apps/{app['name']}/dynos/{made['name']}"
    first = api.post(path, json={"command": "bash"})
    assert first.status_code == 201, first.text
    assert api.post(path, json={"command": "bash"}).status_code == 201
    refused(api.post(path, json={"command": "bash"}), 422, "invalid_params", "2 commands in its dynos")
    with session() as opened:
        terminal = terminals.connect(opened, "here", secret=first.json()["attach_url"].rpartition("/")[2])
        terminals.end(opened, terminal, 0)
    assert api.post(path, json={"command": "bash"}).status_code == 201


def test_only_a_terminal_gets_a_terminal():
    assert ask.wants_tty({"TERM": "xterm", "COLUMNS": "80"}, None) is True
    assert ask.wants_tty({"TERM": "xterm"}, None) is False
    assert ask.wants_tty({"COLUMNS": "80"}, True) is False
    assert ask.wants_tty(None, None) is False


def test_the_exit_status_is_told_whatever_the_command_does():
    told = ask.order("exit 7" + TELL, None, {})
    assert (told.command, told.told) == ("exit 7", True)
    done = subprocess.run(["bash", "-c", told.script], capture_output=True, check=False)
    assert (done.returncode, done.stdout.decode()) == (7, "\uffff heroku-command-exit-status: 7\n")


def test_a_hang_up_once_the_exit_status_was_told_does_not_take_its_place():
    """The client leaves as soon as it was told; a terminal's shell waits a moment before it ends."""
    words = ["bash", "-c", ask.order("exit 7" + TELL, None, {}).script]
    ours, terminal = pty.openpty()
    with subprocess.Popen(words, stdin=terminal, stdout=terminal, start_new_session=True) as shell:
        os.close(terminal)
        shown = b""
        while b"status: 7" not in shown:
            shown += os.read(ours, 4096)
        os.killpg(shell.pid, signal.SIGHUP)
        assert shell.wait(20) == 7
    os.close(ours)
