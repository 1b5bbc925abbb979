"""Fixtures over the lab: the platform that `make up` brought up on this computer."""

from __future__ import annotations

import shlex
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from platform_client import LAB_STATE, ROOT, App, Platform

_CREATED: list[App] = []


def lab(*arguments: str) -> str:
    """`python -m lab …`: machines are stopped and started as their power button would."""
    done = subprocess.run(
        [sys.executable, "-m", "lab", *arguments], cwd=ROOT, text=True, capture_output=True, check=False
    )
    assert done.returncode == 0, f"lab {' '.join(arguments)}: {done.stdout}{done.stderr}"
    return done.stdout


def lab_environment() -> dict[str, str]:
    """What `make env` exports."""
    words = (shlex.split(line) for line in lab("env").splitlines() if line.startswith("export "))
    return dict(word.split("=", 1) for line in words for word in line[1:])


@pytest.fixture(scope="session")
def platform(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    """The lab's platform, with an SSH key of this run added to the first account."""
    if not LAB_STATE.exists():
        pytest.fail("the lab is not there: run `make up` first")
    found = Platform.from_environment(tmp_path_factory.mktemp("acceptance"), lab_environment())
    subprocess.run(
        ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "acceptance", "-f", str(found.ssh_key)], check=True
    )
    key = found.call("POST", "/account/keys", {"public_key": found.ssh_key.with_suffix(".pub").read_text()}, 201).json()
    yield found
    found.call("DELETE", f"/account/keys/{key['id']}")


@contextmanager
def watched(app: App) -> Iterator[App]:
    """A test that fails within the block says what `app` looked like."""
    _CREATED.append(app)
    try:
        yield app
    finally:
        _CREATED.remove(app)


@pytest.fixture
def new_app(platform: Platform) -> Iterator[Callable[..., App]]:
    """A function that makes apps, which are destroyed after the test."""
    made: list[App] = []

    def make(name: str | None = None) -> App:
        made.append(platform.create_app(name))
        _CREATED.append(made[-1])
        return made[-1]

    yield make
    for app in made:
        app.destroy()
        _CREATED.remove(app)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo) -> Iterator[None]:
    """On failure, print what the system looked like."""
    report = yield
    if report.when == "call" and report.failed:
        for app in _CREATED:
            report.sections.append((f"the app {app.name}", app.describe()))
    return report
