"""The samples of Python, Node.js and static sites: pushed, served, logged, and pushed again from what was kept."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from platform_client import ROOT, App, wait_for
from sources import web

SAMPLES = ROOT / "samples"


@pytest.mark.parametrize(
    ("sample", "built", "again"),
    [
        ("python", "Installing dependencies using 'pip install", "Using the packages of the last build"),
        ("node", "Installing node modules (npm ci)", "Using the modules of the last build"),
    ],
    ids=["python", "node"],
)
def test_a_sample_is_served_and_its_later_pushes_take_what_the_first_one_kept(
    new_app: Callable[..., App], sample: str, built: str, again: str
) -> None:
    app = new_app()
    repository = app.repository(SAMPLES / sample)
    first = app.push(repository)
    assert first.accepted, first.output
    assert built in first.output, first.output
    assert app.get().body.startswith(f"Hello from {app.name} v3 on web.1")
    app.scale(worker=1)
    wait_for("a line of the worker", lambda: any("app[worker.1]: worker.1 did" in line for line in app.logs(200)), 60)
    app.commit(repository, {"note.md": "the same app"})
    second = app.push(repository)
    assert second.accepted, second.output
    assert again in second.output, second.output
    wait_for("v4 serves", lambda: " v4 " in app.get().body)
    app.commit(repository, {})
    third = app.push(repository)
    assert third.accepted, third.output
    assert "Using the slug of v4: source, config vars, buildpacks and stack are the same" in third.output, third.output
    wait_for("v5 serves", lambda: " v5 " in app.get().body)
    app.call("DELETE", "/build-cache", status=200)
    app.commit(repository, {})
    fourth = app.push(repository)
    assert fourth.accepted, fourth.output
    assert built in fourth.output, fourth.output


def test_a_static_site_is_served_by_the_stacks_nginx(new_app: Callable[..., App]) -> None:
    app = new_app()
    pushed = app.push(app.repository(SAMPLES / "static"))
    assert pushed.accepted, pushed.output
    assert "-----> Static app detected" in pushed.output, pushed.output
    assert "<h1>Hello</h1>" in app.get().body
    assert "<h1>About</h1>" in app.get("/about").body
    missing = app.get("/nowhere")
    assert missing.status == 404
    assert "<h1>Not found</h1>" in missing.body
    moved = app.get("/start")
    assert (moved.status, moved.headers.get("location", moved.headers.get("Location"))) == (302, "/")
    assert app.get("/.heroku/static/nginx.conf").status == 404
    wait_for("its log", lambda: any("app[web.1]: GET /nowhere 404" in line for line in app.logs(200)), 30)


def test_another_node_than_the_stacks_is_fetched_and_runs(new_app: Callable[..., App]) -> None:
    app = new_app()
    server = (
        "require('http').createServer((request, response) => response.end(process.version)).listen(process.env.PORT)\n"
    )
    package = '{"name": "x", "version": "1.0.0", "engines": {"node": "22.12.0"}, "scripts": {"start": "node index.js"}}'
    pushed = app.push(app.repository({"package.json": package, "index.js": server}))
    assert pushed.accepted, pushed.output
    assert app.get().body == "v22.12.0"


def test_a_version_that_the_stack_does_not_have_is_refused_with_the_stacks_that_do(new_app: Callable[..., App]) -> None:
    app = new_app()
    pushed = app.push(app.repository(web(**{".python-version": "3.4\n"})))
    assert not pushed.accepted
    assert "3.11 on debian-12, 3.13 on debian-13, 3.14 on debian-14" in pushed.output, pushed.output


def test_an_app_of_no_language_is_told_what_each_is_found_by(new_app: Callable[..., App]) -> None:
    pushed = (app := new_app()).push(app.repository({"README": "nothing\n"}))
    assert not pushed.accepted
    for part in ("No default language could be detected", "package.json", "static.json or index.html"):
        assert part in pushed.output, pushed.output
