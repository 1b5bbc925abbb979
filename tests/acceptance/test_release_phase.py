"""The release command: when it runs, what it holds back, and what becomes of the app when it fails or hangs."""

from __future__ import annotations

import ssl
import threading
from collections.abc import Callable

import httpx
from machines import on
from platform_client import App, wait_for
from sources import web

SAYS = 'print("migrating for", os.environ.get("STEP"), os.environ["HEROKU_RELEASE_VERSION"], flush=True)\n'


def source(mark: str, command: str) -> dict[str, str]:
    """A web app with a release command, which is Python."""
    files = web(mark)
    script = f"import os, sys, time\n{command}"
    return files | {"Procfile": "release: python migrate.py\n" + files["Procfile"], "migrate.py": script}


def output(app: App, release: dict) -> httpx.Response:
    context = ssl.create_default_context(cafile=app.platform.ca)
    return httpx.get(release["output_stream_url"], verify=context, timeout=120)


def newest(app: App) -> dict:
    return max(app.call("GET", "/releases", status=200).json(), key=lambda release: release["version"])


def decided(app: App, version: int) -> dict:
    """The release, once it is not pending."""

    def settled() -> dict | None:
        found = app.call("GET", f"/releases/{version}", status=200).json()
        return found if found["status"] != "pending" else None

    return wait_for(f"v{version} is decided", settled, 120)


def test_the_command_runs_before_the_new_release_serves_on_every_release(new_app: Callable[..., App]) -> None:
    app = new_app()
    app.call("PATCH", "/config-vars", {"STEP": "one"}, 200)  # v3
    repository = app.repository(source("first", SAYS))
    pushed = app.push(repository)
    assert pushed.accepted, pushed.output
    lines = (
        "Release command declared: this new release will not be available",
        "Released v4",
        "Running release command...",
        "migrating for one v4",
        "Waiting for release.... done.",
        "Verifying deploy... done.",
    )
    places = [pushed.output.find(line) for line in lines]
    assert -1 not in places, pushed.output
    assert places == sorted(places), pushed.output
    assert app.get().body.startswith("first ")
    release = newest(app)
    assert output(app, release).text == "migrating for one v4\n"
    wait_for("the log", lambda: any("app[release." in line and "migrating" in line for line in app.logs(200)), 30)
    assert any("Running release v4 commands by user" in line for line in app.logs(200))
    app.call("PATCH", "/config-vars", {"STEP": "two"}, 200)  # v5
    assert output(app, newest(app)).text == "migrating for two v5\n"
    assert decided(app, 5)["status"] == "succeeded"
    app.call("POST", "/releases", {"release": release["id"]}, 201)  # v6 goes back to v4
    assert output(app, newest(app)).text == "migrating for one v6\n"
    assert decided(app, 6)["status"] == "succeeded"
    wait_for("no dyno of the release command is left", lambda: not app.dynos("release") or None, 30)


def test_a_failing_command_leaves_the_old_release_serving_and_can_be_retried(new_app: Callable[..., App]) -> None:
    app = new_app()
    repository = app.deploy(source("steady", SAYS))
    breaks = 'print("no table", flush=True)\nsys.exit(0 if "MEND" in os.environ else 3)\n'
    app.commit(repository, source("broken", breaks))
    pushed = app.push(repository)
    assert not pushed.accepted
    for line in ("no table", "exited with status 3", "Waiting for release.... failed.", "Push rejected"):
        assert line in pushed.output, pushed.output
    assert (newest(app)["version"], newest(app)["status"]) == (4, "failed")
    assert app.get().body.startswith("steady ")
    assert app.release()["version"] == 3
    failed = app.call("GET", "/releases/4", status=200).json()
    body = {"slug": failed["slug"]["id"], "description": f"Retry of v4: {failed['description']}"}
    again = app.call("POST", "/releases", body, 201).json()  # v5, as `heroku releases:retry` sends it
    assert "exited with status 3" in output(app, again).text
    assert decided(app, 5)["status"] == "failed"
    app.call("PATCH", "/config-vars", {"MEND": "1"}, 200)  # v6: the old slug, which still works
    assert decided(app, 6)["status"] == "succeeded"
    app.call("POST", "/releases", {"slug": failed["slug"]["id"]}, 201)
    assert decided(app, 7)["status"] == "succeeded"
    wait_for("the mended release serves", lambda: app.get().body.startswith("broken "), 60)


def hanging_push(app: App) -> tuple[threading.Thread, list, dict]:
    """A push whose release command hangs: its thread, its result once it is there, and the release."""
    pushes: list = []
    repository = app.deploy(web("steady"))
    app.commit(repository, source("hanging", 'print("it hangs", flush=True)\ntime.sleep(600)\n'))
    thread = threading.Thread(target=lambda: pushes.append(app.push(repository)))
    thread.start()

    def hangs() -> bool:
        return any("it hangs" in line for line in app.logs(100))

    wait_for("the command hangs", hangs, 120)
    release = newest(app)
    assert said_until(app, release, "it hangs")
    return thread, pushes, release


def said_until(app: App, release: dict, word: str) -> bool:
    """Whether the release's output, which is read as it comes, says `word`."""
    context = ssl.create_default_context(cafile=app.platform.ca)
    said = ""
    with httpx.stream("GET", release["output_stream_url"], verify=context, timeout=60) as answer:
        for text in answer.iter_text():
            said += text
            if word in said:
                return True
    return False


def test_a_hanging_command_is_ended_by_cancelling_the_build(new_app: Callable[..., App]) -> None:
    app = new_app()
    thread, pushes, release = hanging_push(app)
    build = next(each for each in app.call("GET", "/builds").json() if each["status"] == "pending")
    app.call("DELETE", f"/builds/{build['id']}", status=200)
    thread.join(60)
    assert not pushes[0].accepted
    assert "The build was cancelled by " in pushes[0].output, pushes[0].output
    assert decided(app, release["version"])["status"] == "failed"
    assert app.get().body.startswith("steady ")


def test_a_hanging_command_is_ended_by_stopping_its_dyno(new_app: Callable[..., App]) -> None:
    app = new_app()
    thread, pushes, release = hanging_push(app)
    (dyno,) = app.dynos("release")
    app.call("POST", f"/dynos/{dyno['name']}/actions/stop", status=202)
    thread.join(60)
    assert not pushes[0].accepted
    assert "The release command was stopped." in pushes[0].output, pushes[0].output
    assert decided(app, release["version"])["status"] == "failed"
    assert app.get().body.startswith("steady ")


def test_a_killed_builder_fails_the_phase_and_never_runs_it_twice(new_app: Callable[..., App]) -> None:
    app = new_app()
    thread, pushes, release = hanging_push(app)
    on("control1", "systemctl", "kill", "--signal=SIGKILL", "hokku-builder.service")
    assert decided(app, release["version"])["status"] == "failed"
    thread.join(60)
    assert not pushes[0].accepted
    assert "stopped in the middle" in pushes[0].output, pushes[0].output
    assert pushes[0].output.count("it hangs") == 1, pushes[0].output
    assert sum("it hangs" in line and "app[release." in line for line in app.logs(300)) == 1
    wait_for("no dyno of the release command is left", lambda: not app.dynos("release") or None, 60)
    assert app.get().body.startswith("steady ")
