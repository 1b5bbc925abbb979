"""The module `app`."""

from __future__ import annotations

import pytest
from answers import APP, app
from fake_api import NOTHING, FakeApi, Refusal, Turns

ANN = {"id": "id-of-ann@example.com", "email": "ann@example.com"}
BOB = {"id": "id-of-bob@example.com", "email": "bob@example.com"}
GIVEN = ("POST", "/account/app-transfers")
BY_ID = "/apps/id-of-shop"
STACKS = [
    {"name": "debian-12", "id": "id-of-debian-12", "default": False},
    {"name": "debian-13", "id": "id-of-debian-13", "default": True},
]
NO_ADMIN = Refusal(403, "Only admins may do this.", "forbidden")


def test_an_app_is_created_with_its_stack(run_module) -> None:
    api = FakeApi({("GET", APP): NOTHING, ("POST", "/apps"): app(), ("GET", BY_ID): app()})
    result = run_module("app", api, name="shop", stack="debian-12")
    assert result["actions"] == ["app shop created"]
    assert api.changes == [("POST", "/apps", {"name": "shop", "stack": "debian-12"})]
    assert result["diff"] == {"before": {"state": "absent"}, "after": {"state": "present", "stack": "debian-12"}}
    assert (result["app"]["owner"], result["app"]["build_stack"]) == ("ann@example.com", "debian-12")


def test_an_app_that_is_so_is_left(run_module) -> None:
    api = FakeApi({("GET", APP): app()})
    result = run_module("app", api, name="shop", stack="debian-12", owner="Ann@example.com", renamed_from="old-shop")
    assert (result["changed"], api.changes, result["app"]["id"]) == (False, [], "id-of-shop")
    assert "diff" not in result.json


def test_check_mode_creates_nothing(run_module) -> None:
    api = FakeApi({("GET", APP): NOTHING})
    result = run_module("app", api, check=True, name="shop")
    assert (result["changed"], api.changes) == (True, [])
    assert "app" not in result.json


def test_check_mode_refuses_a_stack_that_the_platform_does_not_know(run_module) -> None:
    answers = {("GET", APP): NOTHING, ("GET", "/stacks"): STACKS}
    result = run_module("app", FakeApi(answers), check=True, name="shop", stack="nope")
    assert (result["failed"], result["changed"]) == (True, False)
    assert result["msg"] == "stack is nope, which is not known here: use one of debian-12, debian-13."


@pytest.mark.parametrize("stack", ["cedar", "id-of-debian-13"])
def test_a_stack_that_is_called_otherwise_is_the_same(run_module, stack: str) -> None:
    api = FakeApi({("GET", APP): app(stack="debian-13"), ("GET", "/stacks"): STACKS})
    result = run_module("app", api, name="shop", stack=stack)
    assert (result["changed"], api.changes) == (False, [])


def test_a_renamed_app_keeps_all_it_has(run_module) -> None:
    api = FakeApi(
        {
            ("GET", "/apps/store"): NOTHING,
            ("GET", APP): app(),
            ("GET", "/stacks"): STACKS,
            ("PATCH", BY_ID): app("store"),
            ("GET", BY_ID): app("store", stack="debian-13"),
        }
    )
    result = run_module("app", api, name="store", renamed_from="shop", stack="debian-13")
    assert api.changes == [("PATCH", BY_ID, {"name": "store", "build_stack": "debian-13"})]
    assert result["actions"] == ["app shop renamed store", "build stack of store set to debian-13"]
    assert result["diff"]["before"] == {"name": "shop", "stack": "debian-12"}
    assert result["app"]["name"] == "store"


def test_an_app_is_given_at_once_to_a_collaborator(run_module) -> None:
    api = FakeApi(
        {
            ("GET", APP): app(),
            ("GET", f"{BY_ID}/collaborators"): [{"user": ANN}, {"user": BOB}],
            GIVEN: {"state": "accepted"},
            ("GET", BY_ID): app(owner="bob@example.com"),
        }
    )
    result = run_module("app", api, name="shop", owner="bob@example.com")
    assert api.changes == [(*GIVEN, {"app": "id-of-shop", "recipient": "bob@example.com"})]
    assert result["diff"] == {"before": {"owner": "ann@example.com"}, "after": {"owner": "bob@example.com"}}


def test_an_admin_gives_a_new_app_to_any_account(run_module) -> None:
    api = FakeApi(
        {
            ("GET", APP): NOTHING,
            ("GET", "/account"): ANN,
            ("GET", "/accounts"): [ANN, BOB],
            ("POST", "/apps"): app(),
            GIVEN: {"state": "accepted"},
            ("GET", BY_ID): app(owner="bob@example.com"),
        }
    )
    result = run_module("app", api, name="shop", owner="bob@example.com")
    assert result["actions"] == ["app shop created", "app shop given to bob@example.com"]
    assert result["app"]["owner"] == "bob@example.com"


@pytest.mark.parametrize("accounts", [NO_ADMIN, [ANN]])
def test_an_app_that_would_only_be_offered_is_not(run_module, accounts) -> None:
    api = FakeApi(
        {("GET", APP): app(), ("GET", f"{BY_ID}/collaborators"): [{"user": ANN}], ("GET", "/accounts"): accounts}
    )
    result = run_module("app", api, check=True, name="shop", stack="debian-13", owner="bob@example.com")
    assert result["failed"]
    assert "owner is bob@example.com" in result["msg"]
    assert api.changes == []


def test_what_was_done_before_a_refusal_is_told(run_module) -> None:
    api = FakeApi(
        {
            ("GET", APP): Turns([app()]),
            ("GET", "/stacks"): STACKS,
            ("GET", f"{BY_ID}/collaborators"): [{"user": BOB}],
            ("PATCH", BY_ID): app(stack="debian-13"),
            GIVEN: {"state": "pending"},
        }
    )
    result = run_module("app", api, name="shop", stack="debian-13", owner="bob@example.com")
    assert (result["failed"], result["changed"]) == (True, True)
    assert result["actions"] == ["build stack of shop set to debian-13", "app shop offered to bob@example.com"]


def test_an_app_is_destroyed_by_its_name_said_twice(run_module) -> None:
    api = FakeApi({("GET", APP): app(), ("DELETE", APP): app()})
    result = run_module("app", api, name="shop", state="absent", confirm="shop")
    assert (result["actions"], api.changes) == (["app shop destroyed"], [("DELETE", APP, None)])
    assert result["diff"] == {"before": {"state": "present"}, "after": {"state": "absent"}}


def test_an_app_that_is_gone_is_left_so(run_module) -> None:
    api = FakeApi({("GET", APP): NOTHING})
    assert run_module("app", api, name="shop", state="absent", confirm="shop")["changed"] is False


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"name": "shop", "state": "absent"}, "confirm"),
        ({"name": "shop", "state": "absent", "confirm": "store"}, "confirm is 'store'"),
        ({"name": "Shop"}, "name is 'Shop'"),
        ({"name": "d22322f9-363e-42d2-ae3f-727e63d86f38"}, "3 to 30"),
        ({"name": "../shop"}, "name is"),
        ({"name": "shop", "renamed_from": "-"}, "renamed_from is '-'"),
        ({}, "name"),
    ],
)
def test_wrong_input_is_refused_before_anything_is_asked(run_module, given: dict, said: str) -> None:
    untouched = FakeApi()
    result = run_module("app", untouched, **given)
    assert result["failed"]
    assert said in result["msg"]
    assert untouched.asked == []


def test_a_taken_name_is_told_by_the_api(run_module) -> None:
    api = FakeApi({("GET", APP): NOTHING, ("POST", "/apps"): Refusal(422, "Name shop is already taken")})
    result = run_module("app", api, name="shop")
    assert (result["failed"], result["msg"], result["changed"]) == (True, "Name shop is already taken", False)
