"""The module `platform_checks`."""

from __future__ import annotations

from fake_api import FakeApi, Refusal, Turns

WHERE = ("GET", "/platform/checks")
WELL = {"part": "manifold", "name": "manifold", "state": "ok", "message": "It reported 1 s ago.", "remedy": None}
ILL = WELL | {"state": "failed", "message": "It has not reported for 40 s.", "remedy": "Restart hokku-manifold."}
BUILDER = WELL | {"part": "builder", "name": "builder"}


def test_all_is_well(run_module) -> None:
    result = run_module("platform_checks", FakeApi({WHERE: [WELL, BUILDER]}))
    assert (result["changed"], result["checks"]) == (False, [WELL, BUILDER])


def test_a_warning_fails_nothing(run_module) -> None:
    assert run_module("platform_checks", FakeApi({WHERE: [WELL | {"state": "warning"}]}))["changed"] is False


def test_what_was_just_restarted_is_waited_for_and_so_is_the_api(run_module) -> None:
    turns = Turns([Refusal(0, "no answer"), Refusal(503, "not yet"), [ILL], [WELL]])
    assert run_module("platform_checks", FakeApi({WHERE: turns}))["checks"] == [WELL]


def test_what_stays_wrong_is_said_with_its_remedy(run_module) -> None:
    result = run_module("platform_checks", FakeApi({WHERE: [ILL]}), wait_timeout=1)
    assert result["failed"]
    assert "manifold: It has not reported for 40 s (Restart hokku-manifold)" in result["msg"]


def test_only_the_parts_that_are_asked_for_count(run_module) -> None:
    api = FakeApi({WHERE: [ILL, BUILDER]})
    assert run_module("platform_checks", api, parts=["builder"])["checks"] == [BUILDER]


def test_a_part_that_is_not_there_is_said_at_once(run_module) -> None:
    result = run_module("platform_checks", FakeApi({WHERE: [WELL, BUILDER]}), parts=["engine"])
    assert result["msg"] == "There is no part engine to check: use builder, manifold."


def test_somebody_who_may_not_is_told_so_at_once(run_module) -> None:
    api = FakeApi({WHERE: Refusal(403, "You do not have access.", "forbidden")})
    assert run_module("platform_checks", api)["msg"] == "You do not have access."
    assert len(api.asked) == 1


def test_wrong_input_is_refused_before_anything_is_asked(run_module) -> None:
    untouched = FakeApi()
    assert run_module("platform_checks", untouched, wait_timeout=0)["failed"]
    assert untouched.asked == []
