"""Stacks: each has its Debian's languages, and an app stays on the image it was deployed on until somebody says so."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from machines import instances_of, listed, on
from platform_client import App, wait_for
from sources import web

# the server's answer is an f-string: it says what runs it, and where a compiler is
ABOUT = "Python 3.{sys.version_info[1]}, gcc {__import__('shutil').which('gcc')},"


@pytest.mark.parametrize(("stack", "python"), [("debian-12", "3.11"), ("debian-13", "3.13"), ("debian-14", "3.14")])
def test_each_stack_runs_its_own_python_without_a_compiler(
    new_app: Callable[..., App], stack: str, python: str
) -> None:
    app = new_app()
    app.call("PATCH", "", {"build_stack": stack}, 200)
    repository = app.repository(web(ABOUT))
    pushed = app.push(repository)
    assert pushed.accepted, pushed.output
    assert f"Building on the {stack.title()} stack" in pushed.output
    assert app.get().body.startswith(f"Python {python}, gcc None, web.")
    assert app.call("GET").json()["stack"]["name"] == stack


def test_new_apps_get_the_default_stack(new_app: Callable[..., App]) -> None:
    assert new_app().call("GET").json()["build_stack"]["name"] == "debian-13"


def image(alias: str) -> str:
    """The fingerprint of the image under the alias."""
    return next(
        each["fingerprint"] for each in listed("dyno1", "image", "list")
        if alias in [name["name"] for name in each["aliases"]]
    )  # fmt: skip


def name(alias: str, fingerprint: str) -> None:
    on("dyno1", "lxc", "image", "alias", "delete", alias)
    on("dyno1", "lxc", "image", "alias", "create", alias, fingerprint)


@pytest.fixture
def newer_image() -> Iterator[Callable[[], str]]:
    """Called, it gives debian-13 another run image, as a rebuild does: its build image, with all that dynos need."""
    alias, before = "hokku/debian-13", image("hokku/debian-13")

    def make() -> str:
        other = image(f"{alias}-build")
        name(alias, other)
        return other

    yield make
    name(alias, before)


def images_of(app: App, number: int) -> set[str]:
    """What the app's dynos were made from, once there are so many and no others."""

    def made_from() -> set[str] | None:
        found = instances_of(app)
        return {each["config"]["volatile.base_image"] for each in found} if len(found) == number else None

    return wait_for(f"{number} dynos of {app.name}", made_from, 90)


def test_an_app_changes_its_image_by_a_deploy_or_when_the_operator_says_so(
    new_app: Callable[..., App], newer_image: Callable[[], str]
) -> None:
    app, other = new_app(), new_app()
    repository = app.deploy(web("one"))
    other.deploy(web("other"))
    before = image("hokku/debian-13")
    assert images_of(app, 1) == images_of(other, 1) == {before}
    newer = newer_image()

    app.call("PATCH", "/config-vars", {"A": "b"}, 200)
    wait_for("the config var", lambda: "A=b" in app.get("/env").body.splitlines())
    app.scale(web=3)
    assert images_of(app, 3) == {before}

    argv = ("runuser", "-u", "hokku", "--", "/opt/hokku/venv/bin/hokku", "admin", "roll-stacks", "--app", app.name)
    assert on("control1", *argv).split()[-1] == "changed"
    wait_for("the newer image", lambda: app.get().status == 200 and images_of(app, 3) == {newer})
    assert app.release()["description"] == "Stack image updated"
    assert on("control1", *argv).split() == ["unchanged"]
    assert images_of(other, 1) == {before}

    undone = sorted(app.call("GET", "/releases", status=200).json(), key=lambda release: release["version"])[-2]
    app.call("POST", "/releases", {"release": undone["id"]}, 201)
    wait_for("the earlier image", lambda: app.get().status == 200 and images_of(app, 3) == {before})

    app.commit(repository, {"note": "another"})
    pushed = app.push(repository)
    assert pushed.accepted, pushed.output
    wait_for("the newer image again", lambda: images_of(app, 3) == {newer})
