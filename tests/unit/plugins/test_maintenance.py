"""The module `maintenance`."""

from __future__ import annotations

import pytest
from fake_api import NOTHING, FakeApi

WHERE = "/apps/shop"


def api(now: bool) -> FakeApi:
    return FakeApi({("GET", WHERE): {"maintenance": now}, ("PATCH", WHERE): {"maintenance": not now}})


def test_it_is_switched_on_once(run_module) -> None:
    off = api(False)
    result = run_module("maintenance", off, app="shop", enabled=True)
    assert (result["changed"], result["actions"]) == (True, ["maintenance mode enabled"])
    assert off.changes == [("PATCH", WHERE, {"maintenance": True})]
    assert result["diff"] == {"before": {"maintenance": False}, "after": {"maintenance": True}}


def test_what_is_on_already_is_left(run_module) -> None:
    on = api(True)
    assert run_module("maintenance", on, app="shop", enabled=True)["changed"] is False
    assert on.changes == []


def test_check_mode_says_what_it_would_do_and_does_nothing(run_module) -> None:
    off = api(False)
    result = run_module("maintenance", off, check=True, app="shop", enabled=True)
    assert (result["changed"], off.changes) == (True, [])


def test_an_app_that_is_not_there_is_said(run_module) -> None:
    result = run_module("maintenance", FakeApi({("GET", WHERE): NOTHING}), app="shop", enabled=True)
    assert (result["failed"], result["msg"]) == (True, "Couldn't find that.")


@pytest.mark.parametrize("given", [{"app": "shop"}, {"enabled": True}, {"app": "shop", "enabled": "perhaps"}])
def test_wrong_input_is_refused_before_anything_is_asked(run_module, given: dict) -> None:
    untouched = FakeApi()
    assert run_module("maintenance", untouched, **given)["failed"]
    assert untouched.asked == []
