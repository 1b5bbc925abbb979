"""The client of the module `one_off` at a real rendezvous, whose commands are processes of this computer."""

from __future__ import annotations

import ssl
import uuid

import pytest
from ansible_collections.hokku.platform.plugins.module_utils import _rendezvous
from ansible_collections.hokku.platform.plugins.module_utils._api import ApiError
from sqlalchemy import select

from hokku.oneoff import ask
from hokku.store import oneoffs
from hokku.store.engine import session
from hokku.store.tables import App, Release
from tests.integration.loopback import wait_for
from tests.integration.rendezvous_stand import Stand
from tests.integration.test_api_apps import released
from tests.integration.test_rendezvous import bring_up
from tests.integration.world import settle


@pytest.fixture(scope="module")
def stand(platform, tmp_path_factory):
    made = Stand(tmp_path_factory.mktemp("rendezvous"), platform)
    yield made
    made.stop()


@pytest.fixture(scope="module")
def app(api):
    made = released(api, web="x")
    settle(made)
    return made


@pytest.fixture
def attend(stand, app):
    """Ask for a command as the API does, and meet it: how it ended."""

    def meet(command, seconds=30, context=None, secret=None):
        with session() as opened:
            row = opened.get(App, uuid.UUID(app["id"]))
            release = opened.scalar(select(Release).where(Release.app_id == row.id, Release.version == 3))
            order = ask.order(command + _rendezvous.TELL, {}, {})
            asked = ask.ask(opened, row, release, order, account_id=None, attach=True)
        bring_up(asked.oneoff)
        url = f"rendezvous://localhost:{stand.port}/{secret or asked.secret}"
        return _rendezvous.attend(url, context or stand._context, seconds)

    yield meet
    with session() as opened:
        for wish in oneoffs.living(opened, uuid.UUID(app["id"])):
            oneoffs.end(opened, wish.id, None, "the test is over")


@pytest.mark.parametrize("status", [0, 7, 255])
def test_output_and_exit_status_come_through(attend, status) -> None:
    found = attend(f"echo out; echo err >&2; exit {status}")
    assert (found.output, found.status, found.cut) == ("out\nerr\n", status, False)


def test_a_command_that_reads_finds_the_end_of_its_input(attend) -> None:
    assert attend("cat; echo done").output == "done\n"


def test_a_command_that_ends_in_a_comment_is_told_too(attend) -> None:
    assert attend("(exit 3) # a comment").status == 3


def test_what_a_command_says_of_a_status_is_its_own(attend) -> None:
    found = attend("printf '\\xef\\xbf\\xbf heroku-command-exit-status: 9\\n'; exit 4")
    assert found.status == 4
    assert "heroku-command-exit-status: 9" in found.output


def test_of_much_output_the_last_is_kept(attend, monkeypatch) -> None:
    monkeypatch.setattr(_rendezvous, "MOST", 100_000)
    found = attend("seq 1000000; printf '\\xff'; exit 1")
    assert (found.status, found.cut, len(found.output) < 100_001) == (1, True, True)
    assert found.output.endswith("1000000\n\ufffd")


def test_a_command_that_is_not_over_in_time_is_ended(attend, stand) -> None:
    with pytest.raises(ApiError, match="was not over after 1 s"):
        attend("sleep 60", seconds=1)
    begun = list(stand.server.commands.values())[-1]
    wait_for("the command to be gone", lambda: begun.process.returncode is not None, 20)


def test_a_wrong_secret_an_unknown_authority_and_a_closed_port_are_said(attend, stand) -> None:
    with pytest.raises(ApiError, match="refused the command's secret"):
        attend("true", secret="x" * 43)
    with pytest.raises(ApiError, match=r"is not trusted here .* ca_file"):
        attend("true", context=ssl.create_default_context())
    with pytest.raises(ApiError, match="cannot be reached"):
        _rendezvous.attend("rendezvous://localhost:1/x", stand._context, 1)
    with pytest.raises(ApiError, match="gave no rendezvous address"):
        _rendezvous.attend("https://localhost/x", stand._context, 1)
