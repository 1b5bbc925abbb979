"""The lookups `config_vars` and `releases`."""

from __future__ import annotations

from typing import Any

import pytest
from ansible.errors import AnsibleError
from configured import configured
from fake_api import NOTHING, FakeApi
from told import SECRET_URL, release, slug_id

CONNECTION = {"api_url": "https://api.example.com", "api_token": "hokku-unit-token-0123456789"}
VARS = FakeApi({("GET", "/apps/shop/config-vars"): {"KEY": "k", "OTHER": "o"}})
ROWS = [release(13, 1, current=True, output_stream_url=SECRET_URL), release(12, 2), release(2)]


@pytest.fixture
def look_up(monkeypatch: pytest.MonkeyPatch):
    """`look_up("config_vars", api, "KEY", app="shop")`: the list of what is found."""

    def look(name: str, api: FakeApi, *terms: Any, **options: Any) -> list[Any]:
        plugin = configured("lookup", name)
        monkeypatch.setattr(f"{type(plugin).__module__}.Api", lambda *_, **__: api)
        return plugin.run(list(terms), {}, **{**CONNECTION, **options})

    return look


def test_config_vars_are_found_by_name_in_one_call(look_up) -> None:
    VARS.asked.clear()
    assert look_up("config_vars", VARS, "OTHER", "KEY", app="shop") == ["o", "k"]
    assert len(VARS.asked) == 1
    assert look_up("config_vars", VARS, app="shop") == [{"KEY": "k", "OTHER": "o"}]


def test_a_config_var_that_is_not_set_is_an_error_or_the_default(look_up) -> None:
    with pytest.raises(AnsibleError, match="shop has no config var MISSING: set it"):
        look_up("config_vars", VARS, "KEY", "MISSING", app="shop")
    assert look_up("config_vars", VARS, "MISSING", "KEY", app="shop", default="") == ["", "k"]


def test_releases_are_found_by_name_and_without_secret_urls(look_up) -> None:
    api = FakeApi({("GET", "/apps/shop/releases"): ROWS})
    (current,) = look_up("releases", api, "current", app="shop")
    assert (current["version"], current["slug"]) == (13, slug_id(1))
    assert [each["version"] for each in look_up("releases", api, "previous", "v2", app="shop")] == [12, 2]
    everything = look_up("releases", api, app="shop")
    assert [each["version"] for each in everything] == [13, 12, 2]
    assert SECRET_URL not in str(everything)


def test_a_release_that_is_not_there_or_has_no_such_name_is_said(look_up) -> None:
    with pytest.raises(AnsibleError, match="no release v14: it has v2 to v13"):
        look_up("releases", FakeApi({("GET", "/apps/shop/releases"): ROWS}), "v14", app="shop")
    untouched = FakeApi()
    with pytest.raises(AnsibleError, match="names no release"):
        look_up("releases", untouched, "latest", app="shop")
    assert untouched.asked == []


@pytest.mark.parametrize(("name", "where"), [("config_vars", "config-vars"), ("releases", "releases")])
def test_an_app_that_is_not_there_is_said(look_up, name: str, where: str) -> None:
    with pytest.raises(AnsibleError, match="of shop could not be read: Couldn't find that"):
        look_up(name, FakeApi({("GET", f"/apps/shop/{where}"): NOTHING}), app="shop")


@pytest.mark.parametrize("name", ["config_vars", "releases"])
def test_the_app_must_be_named(look_up, name: str) -> None:
    with pytest.raises(AnsibleError, match="app"):
        look_up(name, FakeApi())
