"""The official CLI against the lab: every test runs with v11 and with v8, on one deployed app a version."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator

import pytest
from lab_fixtures import lab_environment, watched
from official_cli import VERSIONS, HerokuCli, Person
from platform_client import App, Platform
from sources import web

PASSWORD = "an old silent pond"


@pytest.fixture(scope="session", params=VERSIONS)
def cli(request: pytest.FixtureRequest, platform: Platform, tmp_path_factory: pytest.TempPathFactory) -> HerokuCli:
    """The first account's CLI, with what `make env` exports and git's name and email."""
    home = tmp_path_factory.mktemp(f"heroku-{request.param}")
    wanted = lab_environment()
    git = {name: value for name, value in platform.git_environment().items() if name.startswith("GIT_")}
    return HerokuCli.installed(request.param, home, git | wanted).having(GIT_CONFIG_GLOBAL=None)


@pytest.fixture(scope="session")
def guest(platform: Platform) -> Person:
    """A second account, made if it is not there yet."""
    email = "guest@example.com"
    made = platform.call("POST", "/accounts", {"email": email, "password": PASSWORD})
    assert made.status_code in (201, 422), made.text
    asked = platform.http.post(
        "/oauth/authorizations",
        json={"description": "acceptance"},
        auth=(email, PASSWORD),
        headers={"Authorization": ""},
    )
    assert asked.status_code == 201, asked.text
    return Person(email, PASSWORD, asked.json()["access_token"]["token"])


@pytest.fixture(scope="session")
def guest_cli(cli: HerokuCli, guest: Person, tmp_path_factory: pytest.TempPathFactory) -> HerokuCli:
    """The second account's CLI, in a home of its own."""
    return cli.of(tmp_path_factory.mktemp("guest"), HEROKU_API_KEY=guest.token)


@pytest.fixture(scope="session")
def shop(cli: HerokuCli, platform: Platform) -> Iterator[App]:
    """A deployed app that the tests of one version share: one web dyno, and a worker type at 0. Leave it so."""
    app = platform.create_app(f"shop-{cli.version}-{uuid.uuid4().hex[:6]}")
    with watched(app):
        app.deploy(web("shop", Procfile="web: python server.py\nworker: sh -c 'while sleep 1; do echo tick; done'\n"))
        yield app
    app.destroy()


@pytest.fixture
def fresh(platform: Platform, new_app: Callable[..., App], cli: HerokuCli) -> App:
    """An app without code."""
    return new_app(f"fresh-{cli.version}-{uuid.uuid4().hex[:6]}")
