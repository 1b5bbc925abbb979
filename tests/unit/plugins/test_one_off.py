"""The module `one_off`: the rendezvous itself is tried in tests/integration/test_rendezvous_client.py."""

from __future__ import annotations

import pytest
from ansible_collections.hokku.platform.plugins.module_utils import _rendezvous
from ansible_collections.hokku.platform.plugins.module_utils._api import ApiError
from fake_api import FakeApi, Refusal
from told import dyno

RUN = ("POST", "/apps/shop/dynos")
URL = "rendezvous://api.example.com:5000/secret-of-the-dyno"
HIDDEN = "token-of-the-import"


@pytest.fixture
def api() -> FakeApi:
    return FakeApi({RUN: dyno("run.4321", 3, "starting", attach_url=URL)})


@pytest.fixture
def ends(monkeypatch: pytest.MonkeyPatch):
    """`ends("output", 0)`: how the command at the rendezvous will end."""
    met = []

    def will(output: str, status: int | None) -> list:
        def attend(url, context, seconds):
            met.append((url, seconds))
            return _rendezvous.Ended(output, status, False)

        monkeypatch.setattr(_rendezvous, "attend", attend)
        return met

    return will


def test_a_command_is_run_and_its_end_is_told(run_module, api, ends) -> None:
    met = ends("42 users\n", 0)
    result = run_module("one_off", api, app="shop", command="count | tail", size="standard-2x")
    assert (result["changed"], result["actions"]) == (True, ["`count | tail` run in run.4321"])
    assert (result["status"], result["output"], result["output_lines"]) == (0, "42 users\n", ["42 users"])
    assert (result["dyno"], result["output_cut"]) == ("run.4321", False)
    body = api.changes[0][2]
    assert body.pop("command") == "count | tail" + _rendezvous.TELL
    assert body == {"attach": True, "env": {}, "time_to_live": 3600, "size": "standard-2x"}
    assert met[0][0] == URL
    assert "secret-of-the-dyno" not in result.printed


def test_the_words_of_a_list_stay_words(run_module, api, ends) -> None:
    ends("", 0)
    run_module("one_off", api, app="shop", command=["echo", "a b; $HOME", "it's", 7])
    assert api.changes[0][2]["command"].startswith("echo 'a b; $HOME' 'it'\"'\"'s' 7;")


def test_a_detached_command_is_not_waited_for(run_module, api) -> None:
    result = run_module("one_off", api, app="shop", command="report", detach=True, time_to_live=60)
    assert api.changes[0][2] == {"command": "report", "attach": False, "env": {}, "time_to_live": 60}
    assert (result["changed"], result["dyno"], "status" in result.json) == (True, "run.4321", False)


def test_another_status_than_zero_fails_unless_it_is_ignored(run_module, api, ends) -> None:
    ends("no such table\n", 7)
    result = run_module("one_off", api, app="shop", command="x")
    assert (result["failed"], result["status"], result["changed"]) == (True, 7, True)
    assert result["msg"] == "The command exited with status 7: no such table"
    ignored = run_module("one_off", api, app="shop", command="x", ignore_status=True)
    assert (ignored.json.get("failed"), ignored["status"]) == (None, 7)


def test_an_end_that_nobody_told_is_a_failure(run_module, api, ends) -> None:
    ends("\r\n !    The dyno could not be reached: R13\r\n", None)
    result = run_module("one_off", api, app="shop", command="x", ignore_status=True)
    assert result["failed"]
    assert "R13" in result["msg"]
    assert "heroku logs -a shop -d run.4321" in result["msg"]


def test_values_of_the_environment_are_sent_and_never_shown(run_module, api, ends) -> None:
    ends(f"the token is {HIDDEN}\n", 1)
    result = run_module("one_off", api, app="shop", command="x", env={"TOKEN": HIDDEN, "N": 1, "DEBUG": True})
    assert api.changes[0][2]["env"] == {"TOKEN": HIDDEN, "N": "1", "DEBUG": "True"}
    assert HIDDEN not in result.printed
    assert set(result["invocation"]["module_args"]["env"]) == {"TOKEN", "N", "DEBUG"}


def test_values_that_stand_everywhere_do_not_blot_out_the_result(run_module, api, ends) -> None:
    ends("1 True\n", 1)
    result = run_module("one_off", api, app="shop", command="x", env={"N": "1", "DEBUG": "True"}, ignore_status=True)
    assert (result["status"], result["changed"], result["output"]) == (1, True, "1 True\n")


def test_check_mode_skips_it(run_module, api) -> None:
    result = run_module("one_off", api, check=True, app="shop", command="x")
    assert (result["skipped"], result["changed"], api.asked) == (True, False, [])


@pytest.mark.parametrize(
    "given",
    [
        {},
        {"command": " "},
        {"command": []},
        {"command": ["a", ["b"]]},
        {"command": {"a": "b"}},
        {"command": "x", "time_to_live": 0},
        {"command": "x", "time_to_live": 86401},
        {"command": "x", "env": {"A": ["b"]}},
        {"command": "x", "env": "A"},
    ],
)
def test_wrong_input_is_refused_before_anything_is_asked(run_module, given: dict) -> None:
    untouched = FakeApi()
    assert run_module("one_off", untouched, app="shop", **given)["failed"]
    assert untouched.asked == []


def test_refusals_of_the_api_and_of_the_rendezvous_are_said(run_module, api, monkeypatch) -> None:
    refused = FakeApi({RUN: Refusal(422, "shop was not deployed yet.", "invalid_params")})
    result = run_module("one_off", refused, app="shop", command="x")
    assert (result["msg"], result["changed"]) == ("shop was not deployed yet.", False)

    def attend(*about):
        raise ApiError("The rendezvous at x:5000 cannot be reached.")

    monkeypatch.setattr(_rendezvous, "attend", attend)
    result = run_module("one_off", api, app="shop", command="x")
    assert (result["msg"], result["changed"]) == ("The rendezvous at x:5000 cannot be reached.", True)
