"""What goes for everything that an app has several of, by the modules `domain`, `drain` and `collaborator`."""

from __future__ import annotations

import pytest
from fake_api import FakeApi

ONES = {
    "domain": ("hostname", "hostnames", "www.example.com"),
    "drain": ("url", "urls", "https://logs.example.com/"),
    "collaborator": ("email", "emails", "basho@example.com"),
}


@pytest.mark.parametrize("module", ONES)
def test_one_and_several_are_not_given_together_and_not_neither(run_module, module: str) -> None:
    one, many, value = ONES[module]
    for given in ({}, {one: value, many: [value]}):
        untouched = FakeApi()
        assert run_module(module, untouched, app="shop", **given)["failed"]
        assert untouched.asked == []


@pytest.mark.parametrize("module", ONES)
def test_exact_is_nothing_for_what_is_to_be_absent(run_module, module: str) -> None:
    one, _many, value = ONES[module]
    untouched = FakeApi()
    result = run_module(module, untouched, app="shop", state="absent", exact=True, **{one: value})
    assert "does not go with state absent" in result["msg"]
    assert untouched.asked == []
