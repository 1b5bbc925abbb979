"""The modules `drain` and `drain_info`: a drain's URL is a secret."""

from __future__ import annotations

from typing import Any

import pytest
from fake_api import FakeApi, Refusal

WHERE = "/apps/shop/log-drains"
PASSWORD = "pine-tree-and-pond-7381"
ARCHIVE = f"https://shop:{PASSWORD}@logs.example.com/lines?key={PASSWORD}"
SYSLOG = "syslog://logs.example.com:514"


def row(url: str, number: int = 0) -> dict[str, Any]:
    return {"id": f"id-{number}", "token": f"d.token-{number}", "url": url}


def api(*urls: str) -> FakeApi:
    answers: dict[tuple[str, str], Any] = {
        ("GET", WHERE): [row(url, number) for number, url in enumerate(urls)],
        ("POST", WHERE): lambda body: row(body["url"], 9),
    }
    return FakeApi(answers | {("DELETE", f"{WHERE}/id-{number}"): row(url) for number, url in enumerate(urls)})


def test_one_is_added_and_its_password_is_told_nowhere(run_module) -> None:
    shop = api()
    result = run_module("drain", shop, app="shop", url=ARCHIVE)
    assert shop.changes == [("POST", WHERE, {"url": ARCHIVE})]
    assert PASSWORD not in result.printed
    assert result["actions"] == ["drain to logs.example.com:443 (https) added"]
    assert result["diff"]["after"] == {"drains": ["logs.example.com:443 (https), d.token-9"]}
    assert result["drains"] == [{"id": "id-9", "token": "d.token-9", "where": "logs.example.com:443 (https)"}]


def test_what_is_there_is_left(run_module) -> None:
    shop = api(ARCHIVE, SYSLOG)
    result = run_module("drain", shop, app="shop", urls=[ARCHIVE, SYSLOG, ARCHIVE], exact=True)
    assert (result["changed"], shop.changes, PASSWORD in result.printed) == (False, [], False)


def test_the_passwords_of_drains_that_nobody_named_are_told_nowhere(run_module) -> None:
    for more in ({}, {"exact": True}):
        result = run_module("drain", api(ARCHIVE), app="shop", url=SYSLOG, **more)
        assert PASSWORD not in result.printed


def test_another_password_is_a_change_that_the_diff_tells(run_module) -> None:
    shop = api(ARCHIVE)
    result = run_module("drain", shop, check=True, app="shop", url=ARCHIVE.replace("pine", "old"), exact=True)
    assert result["diff"] == {
        "before": {"drains": ["logs.example.com:443 (https), d.token-0"]},
        "after": {"drains": ["logs.example.com:443 (https), new"]},
    }
    assert (shop.changes, PASSWORD in result.printed, "old-tree" in result.printed) == ([], False, False)


def test_new_ones_come_before_the_removal_of_old_ones(run_module) -> None:
    shop = api(SYSLOG)
    run_module("drain", shop, app="shop", url=ARCHIVE, exact=True)
    assert [each[0] for each in shop.changes] == ["POST", "DELETE"]


def test_old_ones_make_room_where_there_is_none(run_module) -> None:
    shop = api(*(f"{SYSLOG}{number}" for number in range(5)))
    run_module("drain", shop, app="shop", url=ARCHIVE, exact=True)
    assert [each[0] for each in shop.changes] == ["DELETE"] * 5 + ["POST"]


def test_a_sixth_is_refused_in_check_mode_as_well(run_module) -> None:
    for check in (True, False):
        shop = api(*(f"{SYSLOG}{number}" for number in range(5)))
        result = run_module("drain", shop, check=check, app="shop", url=ARCHIVE)
        assert "has 5 drains and can have 5" in result["msg"]
        assert (shop.changes, PASSWORD in result.printed) == ([], False)


def test_they_are_removed_by_their_ids_once(run_module) -> None:
    shop = api(ARCHIVE, SYSLOG)
    result = run_module("drain", shop, app="shop", url=ARCHIVE, state="absent")
    assert shop.changes == [("DELETE", f"{WHERE}/id-0", None)]
    assert PASSWORD not in result.printed
    assert not run_module("drain", api(SYSLOG), app="shop", url=ARCHIVE, state="absent")["changed"]


def test_none_at_all_is_an_exact_list_too(run_module) -> None:
    shop = api(ARCHIVE, SYSLOG)
    assert run_module("drain", shop, app="shop", urls=[], exact=True)["drains"] == []
    assert len(shop.changes) == 2


def test_a_refusal_is_told_without_the_password(run_module) -> None:
    shop = api()
    shop.answers["POST", WHERE] = Refusal(422, "logs.example.com has an address that nothing is sent to.")
    result = run_module("drain", shop, app="shop", url=ARCHIVE)
    assert (result["failed"], PASSWORD in result.printed) == (True, False)
    assert result["msg"].startswith("logs.example.com has an address")


@pytest.mark.parametrize(
    "wrong",
    [
        "",
        f"ftp://shop:{PASSWORD}@logs.example.com",
        f"https://shop:{PASSWORD}@logs.example.com:0/",
        f"https://shop:{PASSWORD}@logs example.com/",
        f"https://shop:{PASSWORD}@/lines",
        f"https://shop:{PASSWORD}@[::1/lines",
        f"https://logs.example.com/{PASSWORD * 200}",
    ],
)
def test_what_is_no_drain_is_refused_before_anything_is_asked(run_module, wrong: str) -> None:
    untouched = FakeApi()
    result = run_module("drain", untouched, app="shop", urls=[wrong])
    assert (result["failed"], untouched.asked, PASSWORD in result.printed) == (True, [], False)


def test_six_are_refused_before_anything_is_asked(run_module) -> None:
    untouched = FakeApi()
    urls = [f"{SYSLOG}{number}" for number in range(6)]
    assert "6 drains are wanted" in run_module("drain", untouched, app="shop", urls=urls)["msg"]
    assert untouched.asked == []


def test_info_tells_whole_urls_only_when_asked(run_module) -> None:
    assert PASSWORD not in run_module("drain_info", api(ARCHIVE), app="shop").printed
    told = run_module("drain_info", api(ARCHIVE), app="shop", with_urls=True)
    assert [each["url"] for each in told["drains"]] == [ARCHIVE]
