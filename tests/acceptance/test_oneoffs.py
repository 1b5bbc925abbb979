"""One-off dynos and terminals, over the API and TLS: what runs, how it ends, and what becomes of it under faults."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterator

import pytest
from machines import instances_of, on
from platform_client import SAMPLE, App, Platform, wait_for
from terminal import AT_A_TERMINAL, Terminal, inside, run

CONTROL = "control1"
PROMPT = ":~$ "


@pytest.fixture(scope="module")
def app(platform: Platform) -> Iterator[App]:
    """The sample, deployed once for all of these tests."""
    made = platform.create_app()
    made.deploy(SAMPLE)
    yield made
    made.destroy()


def gone(app: App, dyno: dict, seconds: float = 60) -> None:
    """Wait until the dyno is listed no more, and its container is away."""
    wait_for(f"{dyno['name']} is no more", lambda: dyno["name"] not in [d["name"] for d in app.dynos()], seconds)
    name = f"d-{dyno['id'].replace('-', '')[:12]}"
    wait_for(f"{name} is away", lambda: name not in [each["name"] for each in instances_of(app)], seconds)


def line(app: App, dyno: dict, *words: str) -> str:
    """Wait for a line of the platform about the dyno that has these words."""

    def found() -> str | None:
        lines = [each for each in app.logs(500, ps=dyno["name"]) if f"heroku[{dyno['name']}]" in each]
        return next((each for each in lines if all(word in each for word in words)), None)

    return wait_for(f"a line of {dyno['name']} with {words}", found)


def up(app: App, dyno: dict) -> None:
    """Wait until it is up."""
    wait_for(f"{dyno['name']} is up", lambda: app.call("GET", f"/dynos/{dyno['id']}").json().get("state") == "up")


def test_a_command_between_pipes(app: App) -> None:
    dyno, client = run(app, "cat; id -un; echo err >&2; env; exit 3", env={"KEY": "a value"})
    client.type("typed\n\x04")
    said = client.rest().splitlines()
    assert said[:3] == ["typed", "dyno", "err"]
    assert {f"DYNO={dyno['name']}", "KEY=a value", "PORT=5000", "HOME=/app"} <= set(said)
    assert not [each for each in said if each.startswith("HOKKU_")]
    gone(app, dyno)
    line(app, dyno, "Process exited with status 3")
    line(app, dyno, "State changed from up to complete")
    line(app, dyno, "Starting process with command `cat;", "by user admin@example.com")
    assert not [each for each in app.logs(500) if "typed" in each or f"app[{dyno['name']}]" in each]


def test_a_terminal(app: App) -> None:
    dyno, client = run(app, "bash", env=AT_A_TERMINAL)
    client.until(PROMPT)
    client.type("stty size; ls --color -d /app; tty; grep NoNewPrivs /proc/self/status\r")
    said = client.until(PROMPT)
    assert "33 101\r\n" in said
    assert "\x1b[01;34m/app" in said
    assert "/dev/pts/" in said
    assert "NoNewPrivs:\t1" in said
    client.type("sleep 1000; echo not here\r")
    client.until("sleep 1000; echo not here")
    time.sleep(0.5)  # the interrupt is for the job, not for the line that is typed
    client.type("\x03")
    assert "not he" not in client.until(PROMPT)
    assert [d["name"] for d in app.dynos("run")] == [dyno["name"]]
    client.type("exit 4\r")
    client.rest()
    line(app, dyno, "Process exited with status 4")


def test_a_file_comes_through_whole_both_ways(app: App) -> None:
    content = os.urandom(2_000_000) + b"\x04" + bytes(range(256))
    _, client = run(app, "cat")
    writing = threading.Thread(target=lambda: client.socket.sendall(content + b"\x04"))
    writing.start()
    client.socket.settimeout(60)
    found = b""
    while data := client.socket.recv(65536):
        found += data
    writing.join()
    assert found == content


def test_a_detached_one_logs_and_completes(app: App) -> None:
    dyno = app.call("POST", "/dynos", {"command": "echo $KEY from $DYNO; exit 5", "env": {"KEY": "v"}}, 201).json()
    assert dyno["attach_url"] is None
    line(app, dyno, "Starting process with command `echo $KEY from $DYNO; exit 5`")
    line(app, dyno, "State changed from starting to up")
    line(app, dyno, "Process exited with status 5")
    line(app, dyno, "State changed from up to complete")
    said = [each for each in app.logs(500) if f"app[{dyno['name']}]: v from {dyno['name']}" in each]
    assert len(said) == 1
    gone(app, dyno)


def test_a_command_in_a_running_dyno(app: App) -> None:
    app.wait_dynos("web", 1)
    client = inside(app, "web.1", "echo $DYNO; pgrep -c gunicorn; exit 2", env={"EXTRA": "1"})
    said = client.rest().split()
    assert said[0] == "web.1"
    assert int(said[1]) > 1
    assert [d["name"] for d in app.dynos()] == ["web.1"]
    shell = inside(app, "web.1", "bash", env=AT_A_TERMINAL)
    shell.until(PROMPT)
    shell.type("sh -c 'echo be\"\"gun; exec sleep 7654' &\r")
    shell.until("begun\r\n")  # by the job itself: what was typed is echoed with quotes
    shell.close()
    wait_for("the shell's job is gone", lambda: "0" in inside(app, "web.1", "pgrep -cf 'sleep [7]654'").rest().split())
    assert app.get().status == 200


def test_stopping_ends_it_and_nothing_takes_its_place(app: App) -> None:
    script = "trap 'echo stopping; sleep 1; exit 6' TERM; echo ready; while :; do sleep 0.1; done"
    dyno, client = run(app, script)
    client.until("ready\n")
    detached = app.call("POST", "/dynos", {"command": "exec sleep 1000"}, 201).json()
    up(app, detached)
    app.call("POST", f"/dynos/{dyno['name']}/actions/stop", status=202)
    app.call("DELETE", f"/dynos/{detached['name']}", status=202)
    assert client.rest().endswith("stopping\n")
    line(app, dyno, "Stopping all processes with SIGTERM")
    line(app, dyno, "Process exited with status")
    line(app, detached, "Process exited with status 143")
    gone(app, dyno)
    gone(app, detached)
    assert app.dynos("run") == []


def test_a_shell_at_its_prompt_is_stopped_too(app: App) -> None:
    dyno, client = run(app, "bash", env=AT_A_TERMINAL)
    client.until(PROMPT)
    began = time.monotonic()
    app.call("DELETE", f"/dynos/{dyno['name']}", status=202)
    client.rest()
    gone(app, dyno)
    assert time.monotonic() - began < 25


def test_when_the_client_goes_the_dyno_goes(app: App) -> None:
    dyno, client = run(app, "trap '' HUP; echo here; while :; do sleep 0.1; done")
    client.until("here\n")
    client.close()
    gone(app, dyno, 30)
    line(app, dyno, "Client connection closed. Sending SIGHUP to all processes")


def test_one_that_nobody_comes_for_ends_with_r13(app: App) -> None:
    dyno = app.call("POST", "/dynos", {"command": "bash", "attach": True}, 201).json()
    up(app, dyno)
    line(app, dyno, "Awaiting client")
    gone(app, dyno, 90)
    line(app, dyno, "Error R13 (Attach error) -> Failed to attach to process")


def test_its_time_to_live_ends_it(app: App) -> None:
    dyno = app.call("POST", "/dynos", {"command": "exec sleep 1000", "time_to_live": 8}, 201).json()
    up(app, dyno)
    gone(app, dyno, 60)
    line(app, dyno, "Process exited with status 143")


def test_it_has_its_sizes_limit(app: App) -> None:
    eat = "python3 -c 'x = bytearray(700 << 20); print(len(x) >> 20)'"
    assert "700" not in run(app, eat, size="basic")[1].rest()
    assert "700" in run(app, eat, size="standard-2x")[1].rest()


def test_it_survives_a_deploy_on_its_release_and_not_the_apps_end(
    platform: Platform, new_app: Callable[..., App]
) -> None:
    app = new_app()
    app.deploy(SAMPLE)
    dyno, client = run(app, "bash", env=AT_A_TERMINAL)
    client.until(PROMPT)
    app.call("PATCH", "/config-vars", {"NEW": "var"}, 200)
    wait_for("v4 serves", lambda: [d["release"]["version"] for d in app.dynos("web")] == [4], 90)
    client.type("echo $HEROKU_RELEASE_VERSION[$NEW]\r")
    client.until("v3[]")
    app_id = app.call("GET").json()["id"]
    app.destroy()
    client.rest()
    name = f"d-{dyno['id'].replace('-', '')[:12]}"
    listed = lambda: on("dyno1", "lxc", "list", "--format", "csv", "-c", "n")  # noqa: E731
    wait_for(f"{name} of {app_id} is away", lambda: name not in listed(), 60)
    app.platform.create_app(app.name)  # for the fixture to destroy


# -- faults --


def test_a_manifold_that_is_killed_begins_nothing_twice(app: App) -> None:
    """Killed at any moment between wish and start, again and again: each runs once or is told to have failed."""
    script = "echo ran-$DYNO; sleep 2; echo ended-$DYNO"
    made = []
    for pause in (0.0, 0.05, 0.15, 0.3, 0.5, 0.8, None):
        made.append(app.call("POST", "/dynos", {"command": script}, 201).json())
        if pause is None:
            up(app, made[-1])  # the last one is struck when it runs for certain
        else:
            time.sleep(pause)  # where in its start it is struck is the point
        on(CONTROL, "systemctl", "kill", "--signal=KILL", "hokku-manifold.service")
        gone(app, made[-1], 90)  # and with it the next manifold is at work
    ended = [line(app, dyno, "State changed from", "to") for dyno in made]
    assert len(ended) == len(made)
    said = app.logs(1500)
    counts = {dyno["name"]: sum(f"ran-{dyno['name']}" in each and "app[" in each for each in said) for dyno in made}
    assert max(counts.values()) == counts[made[-1]["name"]] == 1, counts
    failed = [name for name, count in counts.items() if count == 0]
    for name in failed:
        assert [each for each in said if f"heroku[{name}]" in each and ("R99" in each or "to down" in each)], name


def test_a_rendezvous_that_is_killed_ends_its_terminals_only(app: App) -> None:
    dyno, client = run(app, "echo here; sleep 1000; sleep 1000")
    client.until("here\n")
    detached = app.call("POST", "/dynos", {"command": "exec sleep 1000"}, 201).json()
    up(app, detached)
    on(CONTROL, "systemctl", "kill", "--signal=KILL", "hokku-rendezvous.service")
    with pytest.raises((OSError, AssertionError)):
        client.until("never", 30)
    gone(app, dyno, 90)
    assert [d["name"] for d in app.dynos("run")] == [detached["name"]]
    wait_for("terminals are served again", lambda: run(app, "echo again")[1].rest() == "again\n", 60)
    app.call("DELETE", f"/dynos/{detached['name']}", status=202)
    gone(app, detached)


def test_a_dyno_that_is_killed_ends_its_terminal_and_is_not_started_again(app: App) -> None:
    dyno, client = run(app, "echo here; sleep 1000")
    client.until("here\n")
    detached = app.call("POST", "/dynos", {"command": "echo once; exec sleep 1000"}, 201).json()
    up(app, detached)
    for each in (dyno, detached):
        on("dyno1", "lxc", "stop", "--force", f"d-{each['id'].replace('-', '')[:12]}")
    client.rest(30)
    gone(app, dyno)
    gone(app, detached)
    line(app, detached, "Process exited with status 137")
    assert sum("once" in each and f"app[{detached['name']}]" in each for each in app.logs(1500)) == 1
    assert app.dynos("run") == []


def test_the_database_may_restart_under_a_terminal(app: App) -> None:
    dyno, client = run(app, "bash", env=AT_A_TERMINAL)
    client.until(PROMPT)
    on(CONTROL, "systemctl", "restart", "postgresql")
    client.type("echo st''ill; exit\r")
    client.until("still")
    client.rest()
    wait_for("the API answers again", lambda: app.call("GET").status_code == 200, 60)
    gone(app, dyno, 120)
    assert isinstance(client, Terminal)
