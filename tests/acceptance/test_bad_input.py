"""Bad input: one clear sentence, and nothing changes."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator

import pytest
from lab_fixtures import watched
from platform_client import App, Platform
from sources import web


@pytest.fixture(scope="module")
def steady(platform: Platform) -> Iterator[App]:
    """An app that serves v3."""
    app = platform.create_app()
    with watched(app):
        app.deploy(web("steady"))
        yield app
    app.destroy()


@pytest.fixture
def served(steady: App) -> Iterator[App]:
    """An app that serves v3, and must still serve v3 after each test."""
    yield steady
    assert steady.get().body == "steady web.1"
    assert steady.release()["version"] == 3


@pytest.mark.parametrize(
    ("files", "sentence"),
    [
        ({"README": "nothing\n"}, "No default language could be detected"),
        ({"Procfile": "web: python server.py\nthis is no line\n", "requirements.txt": ""}, "this is no line"),
        ({"Procfile": "web: true\n", "requirements.txt": "", ".python-version": "2.5\n"}, "2.5"),
        ({"Procfile": "web: true\n", "requirements.txt": "no-such-package-of-hokku==9.9\n"}, "failed to compile"),
    ],
    ids=["nothing detected", "bad Procfile line", "other Python", "package that does not exist"],
)
def test_a_build_that_fails_rejects_the_push(served: App, files: dict[str, str], sentence: str) -> None:
    pushed = served.push(served.repository(files), refspec="+main")  # another history: forced
    assert not pushed.accepted
    assert sentence in pushed.output
    assert "Push rejected" in pushed.output
    assert "Traceback" not in pushed.output


@pytest.mark.parametrize("via", ["https", "ssh"])
def test_a_push_to_an_app_that_does_not_exist_says_so(served: App, via: str) -> None:
    missing = App(served.platform, "no-such-app-here")
    pushed = missing.push(served.repository(web()), via)
    assert not pushed.accepted
    assert "no-such-app-here" in pushed.output or "Couldn't find that app" in pushed.output, pushed.output


@pytest.mark.parametrize("via", ["https", "ssh"])
def test_a_branch_other_than_main_says_what_deploys(served: App, via: str) -> None:
    pushed = served.push(served.repository(web("other")), via, "main:feature")
    assert not pushed.accepted
    assert "feature" in pushed.output
    assert "main" in pushed.output


def test_an_unknown_key_is_refused_with_a_sentence(served: App) -> None:
    key = served.platform.scratch / "stranger"
    if not key.exists():
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(key)], check=True)
    repository = served.repository(web("stranger"))
    environment = served.platform.git_environment()
    command = environment["GIT_SSH_COMMAND"].replace(str(served.platform.ssh_key), str(key))
    environment["GIT_SSH_COMMAND"] = command.replace("BatchMode=yes", "BatchMode=no")  # as a user's ssh has it
    done = subprocess.run(
        ["git", "push", served.remote("ssh"), "main"], cwd=repository, env=environment, text=True, check=False,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=60,
    )  # fmt: skip
    assert done.returncode != 0
    assert "keys:add" in done.stdout, done.stdout


@pytest.mark.parametrize("name", ["Hello", "-a", "a", "über", "a_b", "x" * 31, "a; rm -rf /", "a-"])
def test_an_app_name_that_breaks_the_pattern_is_refused(served: App, name: str) -> None:
    answer = served.platform.call("POST", "/apps", {"name": name}, 422).json()
    assert answer["id"] == "invalid_params"
    assert "ame" in answer["message"]


def test_a_config_var_name_with_a_space_is_refused(served: App) -> None:
    answer = served.call("PATCH", "/config-vars", {"MY VAR": "x"}, 422).json()
    assert "MY VAR" in answer["message"]


def test_a_formation_type_that_does_not_exist_is_refused(served: App) -> None:
    answer = served.call("PATCH", "/formation", {"updates": [{"type": "clock", "quantity": 1}]})
    assert answer.status_code in (404, 422), answer.text
    assert "clock" in answer.json()["message"]
    assert "web" in answer.json()["message"]


def test_a_stranger_sees_what_nobody_sees(served: App) -> None:
    answer = served.platform.http.get(f"/apps/{served.name}", headers={"Authorization": "Bearer nonsense"})
    assert answer.status_code == 401
