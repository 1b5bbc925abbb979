"""The module `app_info`, and what is told of URLs."""

from __future__ import annotations

import pytest
from ansible_collections.hokku.platform.plugins.module_utils._app import masked
from answers import APP, app, installed, process
from fake_api import NOTHING, FakeApi

BY_ID = "/apps/id-of-shop"
SECRET = "correct-horse"
USER = {"id": "u", "email": "ann@example.com", "federated": False}


def api() -> FakeApi:
    release = {
        "created_at": "2026-01-01T12:00:00Z",
        "current": True,
        "description": "Deploy 1a2b",
        "slug": {"id": "s"},
        "status": "succeeded",
        "user": USER,
    }
    domain = {
        "hostname": "www.example.com",
        "kind": "custom",
        "cname": "shop.example.com",
        "sni_endpoint": {"name": "a"},
    }
    return FakeApi(
        {
            ("GET", APP): app(),
            ("GET", "/apps"): [app()],
            ("GET", f"{BY_ID}/formation"): [process("web", 2)],
            ("GET", f"{BY_ID}/domains"): [domain],
            ("GET", f"{BY_ID}/buildpack-installations"): installed("heroku/python"),
            ("GET", f"{BY_ID}/collaborators"): [{"role": "owner", "user": USER}],
            ("GET", f"{BY_ID}/log-drains"): [{"id": "d", "url": f"https://u:{SECRET}@logs.example.com/x?key={SECRET}"}],
            ("GET", f"{BY_ID}/config-vars"): {"KEY": SECRET},
            ("GET", f"{BY_ID}/releases"): [{**release, "version": n} for n in range(9, 0, -1)],
        }
    )


def test_everything_is_told_but_secrets(run_module) -> None:
    result = run_module("app_info", api(), app="shop")
    (shop,) = result["apps"]
    assert shop["name"] == "shop"
    assert shop["formation"] == [{"type": "web", "quantity": 2, "size": "Basic", "command": "run web"}]
    assert shop["domains"] == [
        {"hostname": "www.example.com", "kind": "custom", "cname": "shop.example.com", "certificate": "a"}
    ]
    assert shop["buildpacks"] == ["heroku/python"]
    assert shop["collaborators"] == [{"role": "owner", "user": "ann@example.com"}]
    assert shop["drains"] == [{"id": "d", "url": "https://********@logs.example.com/x?********"}]
    assert shop["config_var_names"] == ["KEY"]
    assert [each["version"] for each in shop["releases"]] == [9, 8, 7, 6, 5]
    assert "config_vars" not in shop
    assert SECRET not in result.printed


def test_secrets_are_told_where_they_are_asked_for(run_module) -> None:
    (shop,) = run_module("app_info", api(), app="shop", secrets=True)["apps"]
    assert shop["config_vars"] == {"KEY": SECRET}
    assert SECRET in shop["drains"][0]["url"]


def test_only_the_parts_that_are_wanted_are_asked_for(run_module) -> None:
    asked = api()
    run_module("app_info", asked, check=True, parts=["formation"])
    assert [each[1] for each in asked.asked] == ["/apps", f"{BY_ID}/formation"]


def test_no_such_app_is_an_empty_list(run_module) -> None:
    assert run_module("app_info", FakeApi({("GET", APP): NOTHING}), app="shop")["apps"] == []


@pytest.mark.parametrize("given", [{"parts": ["dynos"]}, {"releases": -1}, {"releases": 1001}, {"app": ""}])
def test_wrong_input_is_refused_before_anything_is_asked(run_module, given: dict) -> None:
    untouched = FakeApi()
    assert run_module("app_info", untouched, **given)["failed"]
    assert untouched.asked == []


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("heroku/python", "heroku/python"),
        ("https://a.example/b.git#v1", "https://a.example/b.git#v1"),
        ("syslog+tls://a.example:6514", "syslog+tls://a.example:6514"),
        ("https://token@a.example", "https://********@a.example"),
        ("https://u:p@q@a.example/b@c?d=e#f", "https://********@a.example/b@c?********#f"),
        ("https://a.example?key=x", "https://a.example?********"),
    ],
)
def test_a_url_is_told_without_what_may_be_secret(url: str, told: str) -> None:
    assert masked(url) == told
