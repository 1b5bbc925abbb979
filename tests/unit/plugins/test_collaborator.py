"""The modules `collaborator` and `collaborator_info`."""

from __future__ import annotations

from typing import Any

import pytest
from fake_api import NOTHING, FakeApi, Refusal

WHERE = "/apps/shop/collaborators"
OWNER = "Owner@example.com"


def row(email: str, role: str = "collaborator") -> dict[str, Any]:
    return {"user": {"email": email}, "role": role, "created_at": "2026-01-01T12:00:00Z"}


def api(*emails: str, accounts: tuple[str, ...] = ("basho@example.com", "sora@example.com")) -> FakeApi:
    answers: dict[tuple[str, str], Any] = {
        ("GET", WHERE): [row(OWNER, "owner"), *map(row, emails)],
        ("POST", WHERE): lambda body: row(body["user"]),
    }
    answers |= {("GET", f"/users/{email.replace('@', '%40')}"): {"email": email} for email in accounts}
    for email in emails:
        answers["DELETE", f"{WHERE}/{email.lower().replace('@', '%40')}"] = row(email)
    return FakeApi(answers)


def test_several_are_added_in_one_task_and_others_stay(run_module) -> None:
    shop = api("kikaku@example.com")
    result = run_module("collaborator", shop, app="shop", emails=["Basho@example.com", "sora@example.com"])
    assert shop.changes == [
        ("POST", WHERE, {"user": "basho@example.com"}),
        ("POST", WHERE, {"user": "sora@example.com"}),
    ]
    assert result["actions"] == ["collaborator basho@example.com added", "collaborator sora@example.com added"]
    assert [each["email"] for each in result["collaborators"]] == [
        "basho@example.com", "kikaku@example.com", "sora@example.com"
    ]  # fmt: skip
    assert result["owner"] == OWNER


def test_who_is_there_is_left_whatever_the_case_of_letters(run_module) -> None:
    shop = api("Basho@Example.com")
    for given in ("basho@example.com", "BASHO@example.com", OWNER):
        assert run_module("collaborator", shop, app="shop", email=given)["changed"] is False
    assert shop.changes == []


def test_exact_removes_all_others_but_the_owner(run_module) -> None:
    shop = api("Basho@example.com", "sora@example.com")
    result = run_module("collaborator", shop, app="shop", emails=["sora@example.com"], exact=True)
    assert shop.changes == [("DELETE", f"{WHERE}/basho%40example.com", None)]
    assert result["diff"] == {
        "before": {"collaborators": ["basho@example.com", "sora@example.com"]},
        "after": {"collaborators": ["sora@example.com"]},
    }


def test_they_are_removed_once(run_module) -> None:
    shop = api("basho@example.com")
    assert run_module("collaborator", shop, app="shop", email="basho@example.com", state="absent")["changed"]
    assert shop.changes == [("DELETE", f"{WHERE}/basho%40example.com", None)]
    assert not run_module("collaborator", api(), app="shop", email="basho@example.com", state="absent")["changed"]


def test_check_mode_says_what_it_would_do_and_does_nothing(run_module) -> None:
    shop = api("sora@example.com")
    result = run_module("collaborator", shop, check=True, app="shop", email="basho@example.com", exact=True)
    assert result["actions"] == ["collaborator basho@example.com added", "collaborator sora@example.com removed"]
    assert (result["changed"], shop.changes) == (True, [])
    assert result["collaborators"] == [{"email": "basho@example.com", "since": None}]


def test_an_account_that_is_not_there_changes_nothing_in_check_mode_either(run_module) -> None:
    for check in (True, False):
        shop = api()
        shop.answers["GET", "/users/nobody%40example.com"] = NOTHING
        emails = ["basho@example.com", "nobody@example.com"]
        result = run_module("collaborator", shop, check=check, app="shop", emails=emails)
        assert result["msg"].startswith("There is no account nobody@example.com")
        assert shop.changes == []


def test_the_owner_is_not_for_removal(run_module) -> None:
    for check in (True, False):
        shop = api()
        result = run_module("collaborator", shop, check=check, app="shop", email=OWNER, state="absent")
        assert result["msg"].startswith(f"{OWNER} owns shop")
        assert shop.changes == []


def test_a_refusal_is_told(run_module) -> None:
    shop = api()
    shop.answers["POST", WHERE] = Refusal(403, "Only the owner of shop may share it.")
    assert run_module("collaborator", shop, app="shop", email="sora@example.com")["msg"].startswith("Only the owner")


@pytest.mark.parametrize("wrong", ["basho", "basho@example.com, sora@example.com", "a b@example.com", ""])
def test_what_is_no_email_is_refused_before_anything_is_asked(run_module, wrong: str) -> None:
    untouched = FakeApi()
    assert "is not an email address" in run_module("collaborator", untouched, app="shop", email=wrong)["msg"]
    assert untouched.asked == []


def test_info_tells_the_owner_apart(run_module) -> None:
    result = run_module("collaborator_info", api("sora@example.com", "basho@example.com"), app="shop")
    assert (result["owner"], result["changed"]) == (OWNER, False)
    assert [each["email"] for each in result["collaborators"]] == ["basho@example.com", "sora@example.com"]
