"""The modules `host` and `host_info`."""

from __future__ import annotations

import pytest
from answers import host
from fake_api import NOTHING, FakeApi, Refusal, Turns

WHERE = "/hosts/dyno1"


@pytest.fixture(autouse=True)
def hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("time.sleep", lambda seconds: None)


def test_a_host_is_drained_and_waited_for(run_module) -> None:
    looks = [host(), host("drained"), host("drained", reason="run.7 runs."), host("drained", drained=True)]
    api = FakeApi({("GET", WHERE): Turns(looks), ("PATCH", WHERE): host("drained")})
    result = run_module("host", api, name="dyno1", wanted="drained")
    assert api.changes == [("PATCH", WHERE, {"wanted": "drained"})]
    assert (result["actions"], result["host"]["drained"]) == (["dyno1 is to be drained"], True)
    assert result["diff"] == {"before": {"wanted": "active"}, "after": {"wanted": "drained"}}


def test_a_drained_host_is_left(run_module) -> None:
    api = FakeApi({("GET", WHERE): host("drained", drained=True)})
    assert run_module("host", api, name="dyno1", wanted="drained")["changed"] is False
    assert api.changes == []


def test_check_mode_drains_nothing_and_waits_for_nothing(run_module) -> None:
    api = FakeApi({("GET", WHERE): host()})
    result = run_module("host", api, check=True, name="dyno1", wanted="drained")
    assert (result["changed"], api.changes, len(api.asked)) == (True, [], 1)


def test_a_cordoned_host_is_not_waited_for(run_module) -> None:
    api = FakeApi({("GET", WHERE): host(), ("PATCH", WHERE): host("cordoned")})
    assert run_module("host", api, name="dyno1", wanted="cordoned")["host"]["wanted"] == "cordoned"


@pytest.mark.parametrize(
    ("reason", "said"), [("run.7 runs.", "(run.7 runs)"), (None, "dynos on it: 2, one-off dynos: 1")]
)
def test_the_waiting_ends_with_what_is_waited_for(run_module, monkeypatch, reason, said: str) -> None:
    clock = iter(range(0, 10_000, 7))
    monkeypatch.setattr("time.monotonic", lambda: float(next(clock)))
    api = FakeApi({("GET", WHERE): host("drained", reason=reason)})
    result = run_module("host", api, name="dyno1", wanted="drained", wait_timeout=20)
    assert result["failed"]
    assert said in result["msg"]
    assert result["msg"].endswith("ended after 20 s.")


def test_an_api_that_restarts_ends_no_waiting(run_module) -> None:
    away = [Refusal(0, "no answer"), Refusal(502, "bad gateway"), Refusal(503, "not yet")]
    api = FakeApi({("GET", WHERE): Turns([host("drained"), *away, host("drained", drained=True)])})
    assert run_module("host", api, name="dyno1", wanted="drained")["host"]["drained"] is True


def test_an_api_that_stays_away_is_told_when_the_waiting_ends(run_module, monkeypatch) -> None:
    clock = iter(range(0, 10_000, 7))
    monkeypatch.setattr("time.monotonic", lambda: float(next(clock)))
    api = FakeApi({("GET", WHERE): Turns([host("drained"), Refusal(0, "Nothing answers.")])})
    result = run_module("host", api, name="dyno1", wanted="drained", wait_timeout=20)
    assert result["failed"]
    assert result["msg"].endswith("ended after 20 s. The last look was not answered: Nothing answers.")


def test_a_refusal_ends_the_waiting_at_once(run_module) -> None:
    api = FakeApi({("GET", WHERE): Turns([host("drained"), Refusal(403, "You may not.")])})
    assert run_module("host", api, name="dyno1", wanted="drained")["msg"] == "You may not."
    assert len(api.asked) == 2


def test_a_drain_that_somebody_else_ended_is_not_waited_for(run_module) -> None:
    api = FakeApi({("GET", WHERE): Turns([host("drained"), host("active")])})
    assert "wants it active" in run_module("host", api, name="dyno1", wanted="drained")["msg"]


def test_a_host_is_forgotten_once(run_module) -> None:
    api = FakeApi({("GET", WHERE): Turns([host(), NOTHING]), ("DELETE", WHERE): host()})
    assert run_module("host", api, name="dyno1", state="absent")["actions"] == ["dyno1 forgotten"]
    assert run_module("host", api, name="dyno1", state="absent")["changed"] is False


def test_a_refusal_is_told(run_module) -> None:
    api = FakeApi({("GET", WHERE): host(), ("PATCH", WHERE): Refusal(422, "No other host would be active.")})
    result = run_module("host", api, name="dyno1", wanted="drained")
    assert (result["failed"], result["msg"], result["changed"]) == (True, "No other host would be active.", False)


def test_a_host_that_is_not_there_is_said(run_module) -> None:
    result = run_module("host", FakeApi({("GET", WHERE): NOTHING}), name="dyno1", wanted="active")
    assert "There is no host dyno1" in result["msg"]


@pytest.mark.parametrize(
    "given",
    [
        {"name": "dyno1"},
        {"wanted": "active"},
        {"name": "dyno1", "wanted": "gone"},
        {"name": "", "wanted": "active"},
        {"name": "dyno1", "wanted": "drained", "wait_timeout": 0},
    ],
)
def test_wrong_input_is_refused_before_anything_is_asked(run_module, given: dict) -> None:
    untouched = FakeApi()
    assert run_module("host", untouched, **given)["failed"]
    assert untouched.asked == []


def test_info_tells_one_host_or_all(run_module) -> None:
    api = FakeApi({("GET", "/hosts"): [host()], ("GET", WHERE): host(), ("GET", "/hosts/dyno9"): NOTHING})
    assert run_module("host_info", api)["hosts"] == [host()]
    assert run_module("host_info", api, name="dyno1")["hosts"] == [host()]
    assert run_module("host_info", api, name="dyno9")["hosts"] == []
