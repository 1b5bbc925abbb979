"""The modules `buildpacks` and `buildpacks_info`."""

from __future__ import annotations

import pytest
from answers import APP, installed
from fake_api import FakeApi, Refusal

WHERE = f"{APP}/buildpack-installations"
PASSWORD = "correct-horse"
PRIVATE = f"https://ann:{PASSWORD}@git.example.com/pack.git#main"
SHOWN = "https://********@git.example.com/pack.git#main"


def api(*names: str) -> FakeApi:
    return FakeApi({("GET", WHERE): installed(*names), ("PUT", WHERE): []})


def test_they_are_set_in_their_order(run_module) -> None:
    asked = api("heroku/python", "heroku/nodejs")
    result = run_module("buildpacks", asked, app="shop", buildpacks=["nodejs", "heroku/python"])
    updates = [{"buildpack": "heroku/nodejs"}, {"buildpack": "heroku/python"}]
    assert asked.changes == [("PUT", WHERE, {"updates": updates})]
    assert result["actions"] == ["buildpacks set to heroku/nodejs, heroku/python"]
    assert result["diff"] == {
        "before": {"buildpacks": ["heroku/python", "heroku/nodejs"]},
        "after": {"buildpacks": ["heroku/nodejs", "heroku/python"]},
    }
    assert result["invocation"]["module_args"]["buildpacks"] == ["nodejs", "heroku/python"]


@pytest.mark.parametrize(
    "name",
    [
        "java",
        "heroku/java",
        "heroku/gradle",
        "urn:buildpack:heroku/java",
        "https://buildpack-registry.s3.amazonaws.com/buildpacks/heroku/java.tgz",
        "https://github.com/heroku/heroku-buildpack-java",
        "https://github.com/heroku/heroku-buildpack-gradle.git",
    ],
)
def test_one_that_is_called_otherwise_is_left(run_module, name: str) -> None:
    asked = api("heroku/java")
    result = run_module("buildpacks", asked, app="shop", buildpacks=[name])
    assert (result["changed"], result["buildpacks"], asked.changes) == (False, ["heroku/java"], [])


def test_none_clears_them(run_module) -> None:
    asked = api("heroku/java")
    result = run_module("buildpacks", asked, app="shop", buildpacks=[])
    assert asked.changes == [("PUT", WHERE, {"updates": []})]
    assert (result["actions"], result["buildpacks"]) == (["buildpacks cleared"], [])


def test_check_mode_sets_nothing(run_module) -> None:
    asked = api()
    asked.answers["GET", "/buildpacks/heroku/go/readme"] = {"name": "go"}
    assert run_module("buildpacks", asked, check=True, app="shop", buildpacks=["go"])["changed"] is True
    assert asked.changes == []


def test_check_mode_refuses_a_name_that_the_platform_does_not_know(run_module) -> None:
    asked = api()
    asked.answers["GET", "/buildpacks/heroku/nonsense/readme"] = Refusal(
        404, "Couldn't find that buildpack.", "not_found"
    )
    result = run_module("buildpacks", asked, check=True, app="shop", buildpacks=["nonsense"])
    assert (result["failed"], result["changed"]) == (True, False)
    assert "heroku/nonsense is not known here" in result["msg"]


def test_a_password_is_sent_and_not_told(run_module) -> None:
    asked = api(PRIVATE.replace(PASSWORD, "old-password"), "heroku/python")
    result = run_module("buildpacks", asked, app="shop", buildpacks=[PRIVATE, "heroku/python"])
    assert asked.changes[0][2]["updates"][0] == {"buildpack": PRIVATE}
    assert result["buildpacks"] == [SHOWN, "heroku/python"]
    assert result["diff"]["before"] != result["diff"]["after"]
    assert PASSWORD not in result.printed
    assert "old-password" not in result.printed


@pytest.mark.parametrize(
    "given",
    [
        {"buildpacks": [PRIVATE, PRIVATE]},
        {"buildpacks": ["heroku/python", "python"]},
        {"buildpacks": ["no such name"]},
        {"buildpacks": [PRIVATE], "wrong": 1},
        {},
    ],
)
def test_wrong_input_is_refused_before_anything_is_asked_and_without_a_password(run_module, given: dict) -> None:
    untouched = FakeApi()
    result = run_module("buildpacks", untouched, app="shop", **given)
    assert result["failed"]
    assert PASSWORD not in result.printed
    assert untouched.asked == []


def test_a_refusal_is_told_without_a_password(run_module) -> None:
    asked = api()
    asked.answers["PUT", WHERE] = Refusal(422, f"Buildpack {PRIVATE} is not fetched: {PASSWORD} is wrong.")
    result = run_module("buildpacks", asked, app="shop", buildpacks=[PRIVATE])
    assert (result["failed"], result["changed"]) == (True, False)
    assert PASSWORD not in result.printed


def test_info_tells_urls_without_their_password(run_module) -> None:
    asked = api("heroku/nodejs", PRIVATE)
    assert run_module("buildpacks_info", asked, app="shop")["buildpacks"] == ["heroku/nodejs", SHOWN]
    assert run_module("buildpacks_info", asked, app="shop", secrets=True)["buildpacks"] == ["heroku/nodejs", PRIVATE]
