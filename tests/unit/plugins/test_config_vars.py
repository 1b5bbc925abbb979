"""The modules `config_vars` and `config_vars_info`."""

from __future__ import annotations

import pytest
from answers import APP
from fake_api import NOTHING, FakeApi, Refusal

WHERE = f"{APP}/config-vars"
OLD, NEW = "old-correct-horse", "new-battery-staple"


def api() -> FakeApi:
    return FakeApi({("GET", WHERE): {"KEY": OLD, "KEPT": "kept-value", "GONE": "gone-value"}, ("PATCH", WHERE): {}})


def test_all_changes_are_one_request_that_names_only_them(run_module) -> None:
    asked = api()
    given = {"KEY": NEW, "KEPT": "kept-value", "GONE": None, "WORKERS": 2, "DEBUG": True, "NEVER": None}
    result = run_module("config_vars", asked, app="shop", vars=given)
    assert asked.changes == [("PATCH", WHERE, {"DEBUG": "true", "GONE": None, "KEY": NEW, "WORKERS": "2"})]
    assert result["actions"] == ["DEBUG set", "GONE removed", "KEY changed", "WORKERS set"]
    assert result["names"] == ["DEBUG", "KEPT", "KEY", "WORKERS"]
    mask = "********"
    assert result["diff"] == {
        "before": {"GONE": f"{mask} (before)", "KEY": f"{mask} (before)"},
        "after": {"DEBUG": f"{mask} (after)", "KEY": f"{mask} (after)", "WORKERS": f"{mask} (after)"},
    }
    for value in (OLD, NEW, "kept-value", "gone-value"):
        assert value not in result.printed


def release(status: str) -> dict:
    return {"id": "r4", "version": 4, "status": status, "slug": {"id": "s"}, "output_stream_url": None}


@pytest.mark.parametrize(("status", "failed"), [("succeeded", False), ("failed", True)])
def test_the_release_of_a_change_is_waited_for(run_module, status: str, failed: bool) -> None:
    dyno = {"name": "web.1", "type": "web", "state": "up", "release": {"version": 4}}
    asked = FakeApi(
        {
            ("GET", WHERE): {"KEY": OLD},
            ("PATCH", WHERE): {},
            ("GET", f"{APP}/releases"): [release("pending")],
            ("GET", f"{APP}/releases/r4"): release(status),
            ("GET", f"{APP}/dynos"): [dyno],
            ("POST", f"{APP}/log-sessions"): Refusal(404, "no", "not_found"),
        }
    )
    result = run_module("config_vars", asked, app="shop", vars={"KEY": NEW}, wait=True)
    assert (result["changed"], bool(result.json.get("failed"))) == (True, failed)
    assert ("v4 of shop failed" in result.json.get("msg", "")) is failed
    assert result["actions"] == ["KEY changed"]
    assert NEW not in result.printed


def test_exact_removes_what_is_not_named(run_module) -> None:
    asked = api()
    result = run_module("config_vars", asked, app="shop", mode="exact", vars={"KEY": OLD})
    assert asked.changes == [("PATCH", WHERE, {"GONE": None, "KEPT": None})]
    assert result["names"] == ["KEY"]


def test_an_exact_nothing_leaves_nothing(run_module) -> None:
    asked = api()
    assert run_module("config_vars", asked, app="shop", mode="exact", vars={})["names"] == []
    assert asked.changes == [("PATCH", WHERE, {"GONE": None, "KEPT": None, "KEY": None})]


@pytest.mark.parametrize("mode", ["merge", "exact"])
def test_what_is_so_is_left(run_module, mode: str) -> None:
    asked = api()
    given = {"KEY": OLD, "KEPT": "kept-value", "GONE": "gone-value"}
    result = run_module("config_vars", asked, app="shop", mode=mode, vars=given)
    assert (result["changed"], asked.changes) == (False, [])


def test_check_mode_tells_and_sets_nothing(run_module) -> None:
    asked = api()
    result = run_module("config_vars", asked, check=True, app="shop", vars={"KEY": NEW})
    assert (result["actions"], asked.changes) == (["KEY changed"], [])
    assert NEW not in result.printed


def test_values_that_are_common_words_strike_out_nothing(run_module) -> None:
    given = {"A": "1", "B": "e", "C": "set", "D": "shop", "E": "KEY"}
    result = run_module("config_vars", api(), app="shop", vars=given)
    assert result["actions"] == ["A set", "B set", "C set", "D set", "E set"]
    assert result["names"] == ["A", "B", "C", "D", "E", "GONE", "KEPT", "KEY"]
    arguments = result["invocation"]["module_args"]
    assert (arguments["app"], arguments["vars"]) == ("shop", dict.fromkeys("ABCDE", "********"))


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"vars": {"1A": NEW}}, "Config var name '1A'"),
        ({"vars": {"A": [NEW]}}, "The value of config var A is a list or a dict"),
        ({"vars": {"A": {"B": NEW}}}, "The value of config var A is a list or a dict"),
        ({"vars": {"A": f"{NEW}\0"}}, "NUL"),
        ({"vars": NEW}, "vars"),
        ({"vars": {"A": NEW}, "mode": "all"}, "mode"),
        ({"vars": {"A": NEW}, "wrong": 1}, "wrong"),
    ],
)
def test_wrong_input_is_refused_before_anything_is_asked_and_without_a_value(run_module, given, said) -> None:
    untouched = FakeApi()
    result = run_module("config_vars", untouched, app="shop", **given)
    assert result["failed"]
    assert said in result["msg"]
    assert NEW not in result.printed
    assert untouched.asked == []


def test_a_refusal_is_told_without_a_value(run_module) -> None:
    asked = api()
    asked.answers["PATCH", WHERE] = Refusal(422, f"The value {NEW} is too large.")
    result = run_module("config_vars", asked, app="shop", vars={"KEY": NEW})
    assert (result["failed"], result["changed"]) == (True, False)
    assert result["msg"] == "The value ******** is too large."
    assert NEW not in result.printed


def test_info_tells_names_alone(run_module) -> None:
    result = run_module("config_vars_info", api(), app="shop")
    assert (result["names"], result["changed"]) == (["GONE", "KEPT", "KEY"], False)
    assert OLD not in result.printed


def test_info_tells_values_where_they_are_asked_for(run_module) -> None:
    where = f"{APP}/releases/v11/config-vars"
    result = run_module(
        "config_vars_info", FakeApi({("GET", where): {"KEY": OLD}}), app="shop", release="v11", secrets=True
    )
    assert result["vars"] == {"KEY": OLD}


def test_info_of_no_app_is_the_apis_refusal(run_module) -> None:
    assert run_module("config_vars_info", FakeApi({("GET", WHERE): NOTHING}), app="shop")["failed"]
