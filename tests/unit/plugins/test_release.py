"""The module `release`."""

from __future__ import annotations

import pytest
from fake_api import NOTHING, FakeApi, Refusal, Turns
from told import SECRET_URL, dyno, release, slug, slug_id

RELEASES, DYNOS = ("GET", "/apps/shop/releases"), ("GET", "/apps/shop/dynos")
MAKE = ("POST", "/apps/shop/releases")
NOW = [release(13, 1, current=True), release(12, 2), release(2)]


@pytest.fixture(autouse=True)
def no_time_passes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("time.sleep", lambda seconds: None)


def api(**more) -> FakeApi:
    """v13 of slug 1 serves; slug 3 can become v14."""
    answers = {
        RELEASES: NOW,
        DYNOS: [dyno("web.1", 14), dyno("web.1", 13, "down"), dyno("worker.1", 13)],
        MAKE: release(14, 3, status="pending"),
        ("GET", "/apps/shop/releases/r13"): NOW[0],
        ("GET", "/apps/shop/releases/r14"): Turns([release(14, 3, status="pending"), release(14, 3, current=True)]),
        **{("GET", f"/apps/shop/slugs/{slug_id(number)}"): slug(number) for number in (1, 2, 3)},
    }
    return FakeApi({**answers, **more.get("answers", {})})


def test_a_slug_is_released_and_waited_for(run_module) -> None:
    there = api()
    result = run_module("release", there, app="shop", slug=slug_id(3))
    assert (result["changed"], result["actions"]) == (True, [f"slug {slug_id(3)} released as v14"])
    assert there.changes == [("POST", "/apps/shop/releases", {"slug": slug_id(3)})]
    assert (result["release"]["version"], result["release"]["status"]) == (14, "succeeded")
    assert result["diff"] == {"before": {"slug": slug_id(1)}, "after": {"slug": slug_id(3)}}


def test_it_serves_only_when_every_web_dyno_is_its_own_and_up(run_module) -> None:
    turns = [
        [dyno("web.1", 14, "starting"), dyno("web.1", 13)],
        [dyno("web.1", 14), dyno("web.1", 13)],
        [dyno("web.1", 14)],
    ]
    there = api(answers={DYNOS: Turns(turns)})
    assert run_module("release", there, app="shop", slug=slug_id(3))["changed"]
    assert len([each for each in there.asked if each[:2] == DYNOS]) == 3


def test_the_slug_that_is_released_already_is_left(run_module) -> None:
    there = api(answers={DYNOS: [dyno("web.1", 13)]})
    result = run_module("release", there, app="shop", slug=slug_id(1))
    assert (result["changed"], there.changes, result["release"]["version"]) == (False, [], 13)


def test_after_a_failed_release_of_it_a_slug_is_tried_again(run_module) -> None:
    there = api(answers={RELEASES: [release(14, 3, status="failed"), *NOW]})
    assert run_module("release", there, app="shop", slug=slug_id(3), wait=False)["changed"]


def test_check_mode_says_what_it_would_do_and_does_nothing(run_module) -> None:
    there = api()
    result = run_module("release", there, check=True, app="shop", slug=slug_id(3))
    assert (result["changed"], there.changes) == (True, [])
    assert "release" not in result.json


def test_a_failed_release_fails_with_what_its_command_said(run_module) -> None:
    failed = release(14, 3, status="failed", output_stream_url=SECRET_URL)
    there = api(
        answers={
            ("GET", "/apps/shop/releases/r14"): failed,
            ("STREAM", SECRET_URL): b"Running\n\0no such table: users\n\n",
        }
    )
    result = run_module("release", there, app="shop", slug=slug_id(3))
    assert result["failed"]
    assert result["msg"] == "v14 of shop failed: no such table: users"
    assert result["output"] == ["Running", "no such table: users", ""]
    assert SECRET_URL not in result.printed


def test_a_release_that_does_not_boot_fails_with_the_reason_in_the_log(run_module) -> None:
    session = ("POST", "/apps/shop/log-sessions")
    there = api(
        answers={
            ("GET", "/apps/shop/releases/r14"): release(14, 3, status="failed"),
            session: {"logplex_url": SECRET_URL},
            ("STREAM", SECRET_URL): Turns([b"", b"... app[api]: Release v14 failed: web.1 did not boot: R10\n"]),
        }
    )
    result = run_module("release", there, app="shop", slug=slug_id(3))
    assert result["msg"] == "v14 of shop failed: web.1 did not boot: R10"


def test_an_api_that_restarts_ends_no_waiting(run_module) -> None:
    dynos = Turns([Refusal(502, "bad gateway"), [dyno("web.1", 14)]])
    found = Turns([Refusal(0, "no answer"), release(14, 3, status="pending"), release(14, 3, current=True)])
    there = api(answers={DYNOS: dynos, ("GET", "/apps/shop/releases/r14"): found})
    assert run_module("release", there, app="shop", slug=slug_id(3))["release"]["version"] == 14


def test_a_first_release_that_crashes_is_no_success(run_module) -> None:
    result = run_module("release", api(answers={DYNOS: [dyno("web.1", 14, "crashed")]}), app="shop", slug=slug_id(3))
    assert result["failed"]
    assert "web.1 crashed" in result["msg"]


def test_waiting_ends(run_module) -> None:
    there = api(answers={("GET", "/apps/shop/releases/r14"): release(14, 3, status="pending")})
    result = run_module("release", there, app="shop", slug=slug_id(3), wait_timeout=1)
    assert (result["failed"], result["changed"]) == (True, True)
    assert "does not serve yet" in result["msg"]
    assert "after 1 s" in result["msg"]


def test_a_rollback_is_made_once(run_module) -> None:
    there = api(answers={MAKE: release(14, 2, status="pending")})
    result = run_module("release", there, app="shop", rollback="v12", wait=False)
    assert (result["actions"], there.changes[0][2]) == (["rolled back to v12 as v14"], {"release": 12})
    assert result["diff"]["after"]["release"] == "Rollback to v12"
    again = api(answers={RELEASES: [release(14, 2, description="Rollback to v12", current=True), *NOW]})
    assert run_module("release", again, app="shop", rollback=12, wait=False)["changed"] is False
    assert run_module("release", api(), app="shop", rollback="v13", wait=False)["changed"] is False
    assert again.changes == []


def test_previous_is_the_one_before_the_current_that_ran(run_module) -> None:
    rows = [release(15, 4, status="failed"), release(14, 3, current=True), release(13, 2, status="failed"), NOW[1]]
    there = api(answers={RELEASES: rows, MAKE: release(16, 2, status="pending")})
    run_module("release", there, app="shop", rollback="previous", wait=False)
    assert there.changes[0][2] == {"release": 12}


def test_previous_goes_further_back_each_time(run_module) -> None:
    rows = [release(4, 4, current=True), release(3, 3), release(2, 2), release(1, 1)]
    for version, target in ((5, 3), (6, 2), (7, 1)):
        there = api(answers={RELEASES: rows, MAKE: release(version, target, status="pending")})
        run_module("release", there, app="shop", rollback="previous", wait=False)
        assert there.changes[0][2] == {"release": target}
        made = release(version, target, description=f"Rollback to v{target}", current=True)
        rows = [made, *({**row, "current": False} for row in rows)]
    result = run_module("release", api(answers={RELEASES: rows}), app="shop", rollback="previous", wait=False)
    assert "shop has no release previous: it has v1 to v7" in result["msg"]


@pytest.mark.parametrize(
    ("name", "words"), [("v99", "no release v99: it has v2 to v13"), ("v2", "v2 of shop cannot be rolled back to")]
)
def test_a_release_that_cannot_be_rolled_back_to_is_said(run_module, name: str, words: str) -> None:
    there = api()
    result = run_module("release", there, app="shop", rollback=name)
    assert words in result["msg"]
    assert there.changes == []


def pipelines(ours: dict, theirs: dict, **more) -> FakeApi:
    return api(
        answers={
            ("GET", "/apps/shop"): {"id": "A"},
            ("GET", "/apps/staging"): {"id": "B"},
            ("GET", "/apps/staging/releases"): [release(5, status="failed"), release(4, 9, current=True)],
            ("GET", f"/apps/staging/slugs/{slug_id(9)}"): slug(9, **more),
            ("GET", "/apps/shop/pipeline-couplings"): ours,
            ("GET", "/apps/staging/pipeline-couplings"): theirs,
            ("POST", "/pipeline-promotions"): {"id": "P"},
            ("GET", "/pipeline-promotions/P/promotion-targets"): [{"release": {"id": "r14"}, "app": {"id": "A"}}],
        }
    )


LINE, OTHER = ({"pipeline": {"id": name, "name": name}} for name in ("line", "other"))


def test_a_promotion_goes_along_the_pipeline_that_both_are_in(run_module) -> None:
    there = pipelines(LINE, LINE)
    result = run_module("release", there, app="shop", promote_from="staging")
    assert result["actions"] == ["v4 of staging promoted as v14"]
    assert there.changes[0][2] == {
        "pipeline": {"id": "line"},
        "source": {"app": {"id": "B"}, "release": {"id": "r4"}},
        "targets": [{"app": {"id": "A"}}],
    }


def test_what_serves_already_is_not_promoted_again(run_module) -> None:
    there = pipelines(LINE, LINE, checksum=slug(1)["checksum"])
    assert run_module("release", there, app="shop", promote_from="staging", wait=False)["changed"] is False
    assert there.changes == []


@pytest.mark.parametrize(
    ("ours", "theirs", "words"),
    [
        (NOTHING, LINE, "shop is in none"),
        (LINE, NOTHING, "pipelines:add PIPELINE -a staging"),
        (LINE, OTHER, "only apps of one"),
    ],
)
def test_without_a_common_pipeline_there_is_no_promotion(run_module, ours, theirs, words: str) -> None:
    there = pipelines(ours, theirs)
    assert words in run_module("release", there, app="shop", promote_from="staging")["msg"]
    assert there.changes == []


@pytest.mark.parametrize(
    "given",
    [
        {},
        {"slug": slug_id(1), "rollback": "v1"},
        {"slug": "latest"},
        {"rollback": "yesterday"},
        {"rollback": "current"},
        {"rollback": "v1", "description": "x"},
        {"slug": slug_id(1), "wait_timeout": 0},
    ],
)
def test_wrong_input_is_refused_before_anything_is_asked(run_module, given: dict) -> None:
    untouched = FakeApi()
    assert run_module("release", untouched, app="shop", **given)["failed"]
    assert untouched.asked == []


def test_a_slug_of_another_app_and_a_refusal_are_said(run_module) -> None:
    there = api(answers={("GET", f"/apps/shop/slugs/{slug_id(3)}"): NOTHING})
    assert f"shop has no slug {slug_id(3)}" in run_module("release", there, app="shop", slug=slug_id(3))["msg"]
    there = api(answers={MAKE: Refusal(403, "Only the owner may.", "forbidden")})
    result = run_module("release", there, app="shop", slug=slug_id(3))
    assert (result["msg"], result["changed"]) == ("Only the owner may.", False)
