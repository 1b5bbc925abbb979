"""The modules `formation`, `formation_info` and `dyno_info`."""

from __future__ import annotations

import pytest
from ansible_collections.hokku.platform.plugins.module_utils import _formation
from answers import APP, dyno, process
from fake_api import NOTHING, FakeApi, Refusal, Turns

WHERE, DYNOS, SIZES = f"{APP}/formation", f"{APP}/dynos", f"{APP}/available-dyno-sizes"
PROCESSES = [process("release", 0), process("web", 1), process("worker", 2)]


def api(*looks: list | Refusal) -> FakeApi:
    return FakeApi(
        {
            ("GET", WHERE): PROCESSES,
            ("PATCH", WHERE): [],
            ("GET", SIZES): [{"name": "Basic"}, {"name": "Standard-2X"}],
            ("GET", DYNOS): Turns(list(looks)),
        }
    )


@pytest.fixture(autouse=True)
def hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("time.sleep", lambda seconds: None)


def test_all_types_are_scaled_by_one_request(run_module) -> None:
    asked = api()
    processes = {"web": {"quantity": 3, "size": "standard-2x"}, "worker": "0"}
    result = run_module("formation", asked, app="shop", processes=processes, wait=False)
    updates = [{"type": "web", "quantity": 3, "size": "Standard-2X"}, {"type": "worker", "quantity": 0}]
    assert asked.changes == [("PATCH", WHERE, {"updates": updates})]
    assert result["actions"] == ["web scaled to 3:Standard-2X", "worker scaled to 0:Basic"]
    assert result["diff"] == {
        "before": {"web": "1:Basic", "worker": "2:Basic"},
        "after": {"web": "3:Standard-2X", "worker": "0:Basic"},
    }
    assert {"type": "web", "quantity": 3, "size": "Standard-2X", "command": "run web"} in result["formation"]


def test_types_that_are_not_named_stay(run_module) -> None:
    asked = api()
    run_module("formation", asked, app="shop", processes={"web": 2}, wait=False)
    assert asked.changes == [("PATCH", WHERE, {"updates": [{"type": "web", "quantity": 2}]})]


def test_types_that_are_not_named_are_purged_where_that_is_said(run_module) -> None:
    asked = api()
    run_module("formation", asked, app="shop", processes={"web": 1}, purge=True, wait=False)
    assert asked.changes == [("PATCH", WHERE, {"updates": [{"type": "worker", "quantity": 0}]})]


def test_what_is_so_is_left(run_module) -> None:
    asked = api([dyno("web.1"), dyno("worker.1"), dyno("worker.2"), dyno("run.7")])
    processes = {"web": {"size": "basic"}, "worker": {"quantity": 2}}
    result = run_module("formation", asked, app="shop", processes=processes)
    assert (result["changed"], asked.changes) == (False, [])
    assert [each["name"] for each in result["dynos"]] == ["web.1", "worker.1", "worker.2"]


def test_check_mode_scales_nothing_and_waits_for_nothing(run_module) -> None:
    asked = api()
    result = run_module("formation", asked, check=True, app="shop", processes={"web": 9})
    assert (result["actions"], asked.changes) == (["web scaled to 9:Basic"], [])
    assert ("GET", DYNOS, None) not in asked.asked


def test_it_waits_until_every_dyno_is_up_and_what_is_not_wanted_leaves(run_module) -> None:
    big = {"size": "Standard-2X"}
    asked = api(
        [dyno("web.1"), dyno("web.2")],
        [dyno("web.1"), dyno("web.1", "starting", **big)],
        [dyno("web.1"), dyno("web.1", **big)],
        [dyno("web.1", "down"), dyno("web.1", **big), dyno("worker.1", "crashed")],
    )
    processes = {"web": {"quantity": 1, "size": "Standard-2X"}}
    result = run_module("formation", asked, app="shop", processes=processes)
    assert len([each for each in asked.asked if each[1] == DYNOS]) == 4
    assert [(each["state"], each["size"]) for each in result["dynos"]] == [("up", "Standard-2X")]


def test_an_api_that_restarts_ends_no_waiting(run_module) -> None:
    asked = api(Refusal(0, "no answer"), [], Refusal(503, "not yet"), [dyno("web.1")])
    assert [each["name"] for each in run_module("formation", asked, app="shop", processes={"web": 1})["dynos"]] == [
        "web.1"
    ]


def test_an_api_that_never_answers_is_told_when_the_waiting_ends(run_module, monkeypatch) -> None:
    clock = iter(range(0, 10_000, 7))
    monkeypatch.setattr("time.monotonic", lambda: float(next(clock)))
    asked = api(Refusal(503, "Not yet."))
    said = run_module("formation", asked, app="shop", processes={"web": 1}, wait_timeout=20)["msg"]
    assert "how its dynos are is not known" in said
    assert said.endswith("ended after 20 s. The last look was not answered: Not yet.")


def test_nothing_wanted_is_waited_for_too(run_module) -> None:
    asked = api([dyno("web.1")], [])
    assert run_module("formation", asked, app="shop", processes={"web": 0})["dynos"] == []


def test_a_worker_that_runs_for_a_moment_is_not_up_yet(run_module, monkeypatch) -> None:
    monkeypatch.setattr(_formation, "STAYS_CRASHED", 0.0)
    asked = api([], [dyno("worker.1")], [dyno("worker.1", "crashed")])
    asked.answers["GET", f"{DYNOS}/worker.1/decisions"] = NOTHING
    assert "worker.1 is crashed" in run_module("formation", asked, app="shop", processes={"worker": 1})["msg"]


def test_a_worker_that_started_slowly_has_as_long_to_die(run_module, monkeypatch) -> None:
    clock = iter(range(10_000))
    monkeypatch.setattr("time.monotonic", lambda: float(next(clock)))
    starts, runs = [[dyno("worker.1", "starting")]] * 20, [[dyno("worker.1")]] * 8
    asked = api([], *starts, *runs, *[[dyno("worker.1", "crashed")]] * 20)
    asked.answers["GET", f"{DYNOS}/worker.1/decisions"] = NOTHING
    result = run_module("formation", asked, app="shop", processes={"worker": 1})
    assert "worker.1 is crashed" in result["msg"]


def test_a_worker_that_goes_on_running_is_up(run_module, monkeypatch) -> None:
    clock = iter(range(10_000))
    monkeypatch.setattr("time.monotonic", lambda: float(next(clock)))
    asked = api([], [dyno("worker.1")])
    result = run_module("formation", asked, app="shop", processes={"worker": 1})
    assert [each["name"] for each in result["dynos"]] == ["worker.1"]
    assert len([each for each in asked.asked if each[1] == DYNOS]) > 2


def test_a_dyno_that_crashed_once_is_waited_for(run_module) -> None:
    asked = api([dyno("web.1", "crashed")], [dyno("web.1", "starting")], [dyno("web.1")])
    assert "failed" not in run_module("formation", asked, app="shop", processes={"web": 1}).json


def test_a_dyno_that_stays_crashed_ends_the_waiting_with_the_reason(run_module, monkeypatch) -> None:
    monkeypatch.setattr(_formation, "STAYS_CRASHED", 0.0)
    asked = api([dyno("web.1"), dyno("web.2", "crashed")])
    asked.answers["GET", f"{DYNOS}/web.2/decisions"] = [
        {"reason": "The process exited with status 1."},
        {"reason": "…"},
    ]
    result = run_module("formation", asked, app="shop", processes={"web": 2})
    assert (result["failed"], result["changed"], result["actions"]) == (True, True, ["web scaled to 2:Basic"])
    assert "web.2 is crashed (The process exited with status 1)" in result["msg"]
    assert "heroku logs -a shop" in result["msg"]


def test_a_platform_that_does_not_say_why_is_no_other_failure(run_module, monkeypatch) -> None:
    monkeypatch.setattr(_formation, "STAYS_CRASHED", 0.0)
    asked = api([dyno("web.1", "crashed")])
    asked.answers["GET", f"{DYNOS}/web.1/decisions"] = NOTHING
    assert "web.1 is crashed. " in run_module("formation", asked, app="shop", processes={"web": 1})["msg"]


def test_the_waiting_ends_with_what_is_lacking(run_module, monkeypatch) -> None:
    clock = iter(range(0, 10_000, 7))
    monkeypatch.setattr("time.monotonic", lambda: float(next(clock)))
    asked = api([dyno("web.1"), dyno("worker.1", "starting"), dyno("worker.3")])
    for name in ("web.2", "worker.1", "worker.2"):
        asked.answers["GET", f"{DYNOS}/{name}/decisions"] = [{"reason": "No host has room."}]
    processes = {"web": 2, "worker": 2}
    result = run_module("formation", asked, app="shop", processes=processes, wait_timeout=20)
    assert result["failed"]
    assert "web.2 is not there (No host has room), worker.1 is starting" in result["msg"]
    assert "and 1 more" in result["msg"]
    assert result["msg"].endswith("ended after 20 s.")


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"processes": {}}, "names no process type"),
        ({"processes": {"web": -1}}, "quantity of web is -1"),
        ({"processes": {"web": "+1"}}, "quantity of web is '+1'"),
        ({"processes": {"web": 1.5}}, "quantity of web is 1.5"),
        ({"processes": {"web": 101}}, "quantity of web is 101: an app has at most 100 dynos of a process type"),
        ({"processes": {"web": True}}, "quantity of web is True"),
        ({"processes": {"web": None}}, "quantity of web is None"),
        ({"processes": {"web": {}}}, "Nothing is said of web"),
        ({"processes": {"web": {"count": 1}}}, "count of web is not known"),
        ({"processes": {"web": {"size": 2}}}, "size of web is 2"),
        ({"processes": {"web": {"size": "a b"}}}, "size of web is 'a b'"),
        ({"processes": {"we b": 1}}, "'we b' is no process type"),
        ({"processes": {"release": 1}}, "release is not scaled"),
        ({"processes": {"web": 1}, "wait_timeout": 0}, "wait_timeout is 0"),
        ({"processes": "web"}, "processes"),
        ({"processes": {"web": 1}, "app": ""}, "name of nothing"),
    ],
)
def test_wrong_input_is_refused_before_anything_is_asked(run_module, given: dict, said: str) -> None:
    untouched = FakeApi()
    result = run_module("formation", untouched, **{"app": "shop", **given})
    assert result["failed"]
    assert said in result["msg"]
    assert untouched.asked == []


@pytest.mark.parametrize(
    ("processes", "said"),
    [
        ({"web": {"size": "huge"}}, "Dyno size huge is not known. Choose one of: Basic, Standard-2X."),
        ({"web": 2, "cron": 1}, "shop has no process type cron: its Procfile has release, web, worker."),
    ],
)
@pytest.mark.parametrize("check", [True, False])
def test_types_and_sizes_that_are_no_such_change_nothing(run_module, processes, said, check) -> None:
    asked = api()
    result = run_module("formation", asked, check=check, app="shop", processes=processes)
    assert (result["failed"], result["msg"], asked.changes) == (True, said, [])


def test_an_app_without_a_deploy_is_told_so(run_module) -> None:
    result = run_module("formation", FakeApi({("GET", WHERE): []}), app="shop", processes={"web": 1})
    assert "shop was not deployed yet" in result["msg"]


def test_a_refusal_is_told(run_module) -> None:
    asked = api()
    asked.answers["PATCH", WHERE] = Refusal(422, "Cannot scale web to 16.")
    result = run_module("formation", asked, app="shop", processes={"web": 16})
    assert (result["failed"], result["msg"], result["changed"]) == (True, "Cannot scale web to 16.", False)


def test_info_tells_the_formation_in_the_form_that_is_wanted(run_module) -> None:
    result = run_module("formation_info", FakeApi({("GET", WHERE): PROCESSES[1:]}), app="shop")
    assert result["processes"] == {"web": {"quantity": 1, "size": "Basic"}, "worker": {"quantity": 2, "size": "Basic"}}
    assert result["formation"][0] == {"type": "web", "quantity": 1, "size": "Basic", "command": "run web"}


def test_dynos_are_told_by_type(run_module) -> None:
    asked = api([dyno("web.1"), dyno("run.7", "starting")])
    assert len(run_module("dyno_info", asked, app="shop")["dynos"]) == 2
    (found,) = run_module("dyno_info", asked, app="shop", type="run")["dynos"]
    assert (found["name"], found["state"], found["release"]) == ("run.7", "starting", 12)


@pytest.mark.parametrize(("kept", "told"), [([{"reason": "No host has room."}], True), (NOTHING, False)])
def test_one_dyno_is_told_with_what_was_decided(run_module, kept, told: bool) -> None:
    asked = api([dyno("web.1"), dyno("web.2")])
    asked.answers["GET", f"{DYNOS}/web.2/decisions"] = kept
    result = run_module("dyno_info", asked, app="shop", dyno="web.2")
    assert [each["name"] for each in result["dynos"]] == ["web.2"]
    assert ("decisions" in result.json) == told


@pytest.mark.parametrize(
    ("module", "given"),
    [("dyno_info", {"app": "a", "dyno": "b", "type": "c"}), ("dyno_info", {}), ("formation_info", {})],
)
def test_info_refuses_wrong_input_before_anything_is_asked(run_module, module: str, given: dict) -> None:
    untouched = FakeApi()
    assert run_module(module, untouched, **given)["failed"]
    assert untouched.asked == []
