"""The modules `release_info`, `slug_info` and `build_info`."""

from __future__ import annotations

import pytest
from fake_api import NOTHING, FakeApi, Refusal
from told import SECRET_URL, build, release, slug, slug_id

RELEASES, BUILDS = ("GET", "/apps/shop/releases"), ("GET", "/apps/shop/builds")
ROWS = [release(13, 1, current=True, output_stream_url=SECRET_URL), release(12, 2), release(2)]


def test_releases_are_told_newest_first_and_without_secret_urls(run_module) -> None:
    result = run_module("release_info", FakeApi({RELEASES: ROWS}), app="shop", most=2)
    assert [(each["version"], each["slug"]) for each in result["releases"]] == [(13, slug_id(1)), (12, slug_id(2))]
    assert (result["changed"], result["actions"]) == (False, [])
    assert SECRET_URL not in result.printed


@pytest.mark.parametrize(("name", "version"), [("current", 13), ("previous", 12), ("v2", 2), ("2", 2)])
def test_one_release_is_told_by_its_name(run_module, name: str, version: int) -> None:
    result = run_module("release_info", FakeApi({RELEASES: ROWS}), app="shop", release=name)
    assert [each["version"] for each in result["releases"]] == [version]


def test_a_release_that_is_not_there_is_said(run_module) -> None:
    result = run_module("release_info", FakeApi({RELEASES: ROWS}), app="shop", release="v14")
    assert result["msg"] == "shop has no release v14: it has v2 to v13."


def test_builds_are_told_without_secret_urls(run_module) -> None:
    api = FakeApi({BUILDS: [build("b2", status="failed", slug=None), build("b1")]})
    result = run_module("build_info", api, app="shop", check=True)
    assert [(each["id"], each["status"], each["slug"]) for each in result["builds"]] == [
        ("b2", "failed", None),
        ("b1", "succeeded", slug_id(1)),
    ]
    assert SECRET_URL not in result.printed


def test_what_one_build_said_is_told_when_that_is_wanted(run_module) -> None:
    api = FakeApi(
        {
            ("GET", "/apps/shop/builds/b1"): build("b1"),
            ("GET", "/apps/shop/builds/b1/result"): {"lines": [{"line": "-----> One\n"}, {"line": "two"}]},
        }
    )
    result = run_module("build_info", api, app="shop", build="b1", output=True)
    assert result["output"] == ["-----> One", "two"]
    assert "output" not in run_module("build_info", api, app="shop", build="b1").json


def test_a_slug_is_told_by_its_id_or_as_the_one_that_serves_and_never_with_its_url(run_module) -> None:
    where = ("GET", f"/apps/shop/slugs/{slug_id(1)}")
    api = FakeApi({RELEASES: ROWS, where: slug(1)})
    served = run_module("slug_info", api, app="shop")
    assert (served["slug"]["id"], served["slug"]["language"], served["slug"]["kept"]) == (slug_id(1), "Python", True)
    assert run_module("slug_info", api, app="shop", slug=slug_id(1))["slug"] == served["slug"]
    gone = FakeApi({where: slug(1, deleted_at="2026-01-01T12:00:00Z")})
    assert run_module("slug_info", gone, app="shop", slug=slug_id(1))["slug"]["kept"] is False
    assert SECRET_URL not in served.printed


def test_an_app_that_serves_nothing_has_no_slug(run_module) -> None:
    assert run_module("slug_info", FakeApi({RELEASES: [release(2)]}), app="shop")["slug"] is None


@pytest.mark.parametrize(
    ("name", "given", "where"),
    [
        ("release_info", {}, "/apps/shop/releases"),
        ("build_info", {"build": "b9"}, "/apps/shop/builds/b9"),
        ("slug_info", {"slug": "s9"}, "/apps/shop/slugs/s9"),
    ],
)
@pytest.mark.parametrize("answer", [NOTHING, Refusal(503, "The platform's database does not answer.")])
def test_what_is_not_there_and_refusals_are_said(run_module, name: str, given: dict, where: str, answer) -> None:
    result = run_module(name, FakeApi({("GET", where): answer}), app="shop", **given)
    assert result["failed"]
    assert result["msg"]


@pytest.mark.parametrize(
    ("name", "given"),
    [
        ("release_info", {"app": "shop", "release": "latest"}),
        ("release_info", {"app": "shop", "most": 0}),
        ("build_info", {"app": "shop", "most": 0}),
        ("build_info", {"app": "shop", "output": True}),
        ("build_info", {}),
        ("slug_info", {}),
    ],
)
def test_wrong_input_is_refused_before_anything_is_asked(run_module, name: str, given: dict) -> None:
    untouched = FakeApi()
    assert run_module(name, untouched, **given)["failed"]
    assert untouched.asked == []
