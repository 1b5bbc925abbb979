"""The modules `account` and `account_info`."""

from __future__ import annotations

from typing import Any

import pytest
from fake_api import NOTHING, FakeApi, Refusal, Turns

BASHO, THERE = "basho@example.com", "/users/basho%40example.com"
PASSWORD, OLD = "an-old-pond-7381", "a-frog-jumps-in-5512"


def row(name: str | None = "Basho", number: int = 1) -> dict[str, Any]:
    moment = "2026-01-01T12:00:00Z"
    return {
        "id": f"id-{number}",
        "email": BASHO,
        "name": name,
        "created_at": moment,
        "updated_at": moment,
    }


def api(present: dict | None = None, acting: Any = None) -> FakeApi:
    return FakeApi(
        {
            ("GET", THERE): present or NOTHING,
            ("GET", "/account"): acting or row(number=2),
            ("GET", "/accounts"): [],
            ("POST", "/accounts"): row(),
            ("PATCH", "/account"): row("Matsuo"),
        }
    )


WRONG = Refusal(401, "Invalid credentials provided.")


def test_an_account_is_made_and_its_password_is_told_nowhere(run_module) -> None:
    platform = api()
    result = run_module("account", platform, email="Basho@example.com", name="Basho", password=PASSWORD)
    body = {"email": BASHO, "name": "Basho", "password": PASSWORD, "admin": False}
    assert platform.changes == [("POST", "/accounts", body)]
    assert (result["actions"], result["account"]["id"]) == ([f"account {BASHO} made"], "id-1")
    assert result["diff"]["after"]["account"] == {"email": BASHO, "name": "Basho", "admin": False}
    assert PASSWORD not in result.printed


def test_one_that_is_there_is_left_with_its_password(run_module) -> None:
    platform = api(row())
    result = run_module("account", platform, email=BASHO, name="Basho", password=PASSWORD)
    assert (result["changed"], platform.asked) == (False, [("GET", THERE, None)])


def test_check_mode_makes_none_but_is_refused_as_making_one_is(run_module) -> None:
    platform = api()
    result = run_module("account", platform, check=True, email=BASHO, password=PASSWORD)
    assert (result["changed"], platform.changes, "account" in result.json) == (True, [], False)
    platform.answers["GET", "/accounts"] = Refusal(403, "Only an admin may do this.")
    assert run_module("account", platform, check=True, email=BASHO, password=PASSWORD)["failed"]


def test_a_new_one_needs_a_password(run_module) -> None:
    platform = api()
    assert "give the password" in run_module("account", platform, email=BASHO)["msg"]
    assert platform.changes == []


def test_the_acting_account_changes_its_name(run_module) -> None:
    platform = api(row(), acting=row())
    result = run_module("account", platform, email=BASHO, name="Matsuo")
    assert platform.changes == [("PATCH", "/account", {"name": "Matsuo"})]
    assert result["diff"] == {"before": {"name": "Basho"}, "after": {"name": "Matsuo"}}
    assert result["account"]["name"] == "Matsuo"


def test_anothers_name_is_refused_in_check_mode_as_well(run_module) -> None:
    for check in (True, False):
        platform = api(row())
        result = run_module("account", platform, check=check, email=BASHO, name="Matsuo")
        assert "act with a token of theirs" in result["msg"]
        assert platform.changes == []


def test_a_password_that_fits_already_is_left(run_module) -> None:
    platform = api(row(), acting=row())
    assert not run_module("account", platform, email=BASHO, password=PASSWORD, update_password="always")["changed"]
    assert platform.changes == []


def test_the_acting_account_changes_its_password_with_the_one_it_has(run_module) -> None:
    # The first login finds that the new password does not fit, the second that the old one does.
    platform = api(row(), acting=Turns([WRONG, row(), row()]))
    given = {"email": BASHO, "password": PASSWORD, "current_password": OLD, "update_password": "always"}
    result = run_module("account", platform, **given)
    assert platform.changes == [("PATCH", "/account", {"new_password": PASSWORD, "password": OLD})]
    assert result["actions"] == [f"password of {BASHO} changed"]
    assert result["diff"] == {"before": {"password": "******** (before)"}, "after": {"password": "******** (after)"}}
    assert PASSWORD not in result.printed
    assert OLD not in result.printed


@pytest.mark.parametrize("given", [{}, {"current_password": OLD}])
def test_without_the_present_password_it_is_not_changed(run_module, given: dict) -> None:
    platform = api(row(), acting=Turns([WRONG, row(), WRONG]))
    result = run_module("account", platform, email=BASHO, password=PASSWORD, update_password="always", **given)
    assert "current_password is not" in result["msg"]
    assert platform.changes == []


def test_too_many_logins_are_not_taken_for_a_wrong_password(run_module) -> None:
    platform = api(row(), acting=Refusal(429, "Too many wrong passwords from this address."))
    result = run_module("account", platform, email=BASHO, password=PASSWORD, update_password="always")
    assert result["msg"] == "Too many wrong passwords from this address."


@pytest.mark.parametrize(
    "wrong",
    [
        {"email": "basho"},
        {"email": BASHO, "password": "short"},
        {"email": BASHO, "update_password": "never"},
        {"email": BASHO, "state": "absent"},
        {},
    ],
)
def test_wrong_input_is_refused_before_anything_is_asked(run_module, wrong: dict) -> None:
    untouched = FakeApi()
    assert run_module("account", untouched, **wrong)["failed"]
    assert untouched.asked == []


def test_info_tells_all_one_or_none(run_module) -> None:
    platform = FakeApi({("GET", "/accounts"): [row()], ("GET", "/users/~"): row(), ("GET", THERE): NOTHING})
    for given, emails in (({}, [BASHO]), ({"email": "~"}, [BASHO]), ({"email": BASHO}, [])):
        result = run_module("account_info", platform, **given)
        assert ([each["email"] for each in result["accounts"]], result["changed"]) == (emails, False)
