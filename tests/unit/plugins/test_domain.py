"""The modules `domain` and `domain_info`."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.hokku.platform.plugins.module_utils._api import ApiError
from fake_api import NOTHING, FakeApi

WHERE = "/apps/shop/domains"
OWN = "shop.apps.example.net"
RAPTOR = {"id": "5c1b2f7e-0000-4000-8000-000000000001", "name": "velociraptor-12345"}
RAPTORS = "/apps/shop/sni-endpoints/velociraptor-12345"


def row(hostname: str, endpoint: dict | None = None, kind: str = "custom") -> dict[str, Any]:
    cname = OWN if kind == "custom" else None
    return {"hostname": hostname, "kind": kind, "cname": cname, "sni_endpoint": endpoint}


def api(*hostnames: str, endpoint: dict | None = None, **more: Any) -> FakeApi:
    """An app with these domains, which can be added to and served with RAPTOR."""
    present = [row(OWN, kind="heroku"), *(row(name, endpoint) for name in hostnames)]
    answers: dict[tuple[str, str], Any] = {
        ("GET", WHERE): present,
        ("GET", RAPTORS): RAPTOR,
        ("POST", WHERE): lambda body: row(body["hostname"], RAPTOR if "sni_endpoint" in body else None),
    }
    for name in hostnames:
        answers["DELETE", f"{WHERE}/{name}"] = row(name)
        answers["PATCH", f"{WHERE}/{name}"] = lambda body, name=name: row(name, body["sni_endpoint"] and RAPTOR)
    return FakeApi(answers | more)


def names(result: Any) -> list[str]:
    return [each["hostname"] for each in result["domains"]]


def test_several_are_added_in_one_task_and_others_stay(run_module) -> None:
    shop = api("old.example.com")
    result = run_module("domain", shop, app="shop", hostnames=["WWW.example.com.", "bücher.example"])
    added = ["www.example.com", "xn--bcher-kva.example"]
    assert result["actions"] == [f"domain {name} added" for name in added]
    assert shop.changes == [("POST", WHERE, {"hostname": name}) for name in added]
    assert names(result) == [OWN, "old.example.com", *added]
    assert result["diff"]["after"] == {"domains": dict.fromkeys(["old.example.com", *added])}


@pytest.mark.parametrize("check", [True, False])
@pytest.mark.parametrize("name", ["till.apps.example.net", "*.apps.example.net", "apps.example.net"])
def test_a_name_of_the_platforms_is_refused_before_another_is_added(run_module, name: str, check: bool) -> None:
    shop = api()
    result = run_module("domain", shop, check=check, app="shop", hostnames=["new.example.com", name])
    assert result["msg"] == f"{name} belongs to the platform: every app has APP.apps.example.net already."
    assert shop.changes == []


def test_what_is_there_is_left(run_module) -> None:
    shop = api("www.example.com")
    assert run_module("domain", shop, app="shop", hostname="www.example.com")["changed"] is False
    assert shop.asked == [("GET", WHERE, None)]


def test_exact_removes_all_others_but_the_platforms_own(run_module) -> None:
    shop = api("old.example.com", "www.example.com")
    result = run_module("domain", shop, app="shop", hostnames=["www.example.com"], exact=True)
    assert shop.changes == [("DELETE", f"{WHERE}/old.example.com", None)]
    assert names(result) == [OWN, "www.example.com"]


def test_they_are_removed_once(run_module) -> None:
    shop = api("old.example.com", "www.example.com")
    run_module("domain", shop, app="shop", hostnames=["old.example.com", "never.example.com"], state="absent")
    assert shop.changes == [("DELETE", f"{WHERE}/old.example.com", None)]
    shop = api("www.example.com")
    assert not run_module("domain", shop, app="shop", hostname="old.example.com", state="absent")["changed"]
    assert shop.changes == []


def test_check_mode_tells_the_domains_there_would_be(run_module) -> None:
    shop = api("old.example.com")
    wanted = {"app": "shop", "hostname": "new.example.com", "exact": True, "certificate": RAPTOR["name"]}
    told = run_module("domain", shop, check=True, **wanted)
    assert shop.changes == []
    done = run_module("domain", shop, **wanted)
    assert {name: told[name] for name in ("actions", "diff", "domains", "changed")} == {
        name: done[name] for name in ("actions", "diff", "domains", "changed")
    }
    assert told["domains"][1] == {
        "hostname": "new.example.com", "kind": "custom", "cname": OWN, "certificate": RAPTOR["name"]
    }  # fmt: skip


@pytest.mark.parametrize("named", [RAPTOR["name"], RAPTOR["id"]])
def test_a_certificate_is_told_apart_by_name_and_id(run_module, named: str) -> None:
    shop = api("www.example.com", endpoint=RAPTOR)
    assert not run_module("domain", shop, app="shop", hostname="www.example.com", certificate=named)["changed"]


def test_a_domain_that_is_there_gets_the_certificate_and_loses_it(run_module) -> None:
    shop = api("www.example.com")
    result = run_module("domain", shop, app="shop", hostname="www.example.com", certificate=RAPTOR["name"])
    assert shop.changes == [("PATCH", f"{WHERE}/www.example.com", {"sni_endpoint": RAPTOR["id"]})]
    assert result["actions"] == ["domain www.example.com served with certificate velociraptor-12345"]
    shop = api("www.example.com", endpoint=RAPTOR)
    result = run_module("domain", shop, app="shop", hostname="www.example.com", certificate="")
    assert shop.changes == [("PATCH", f"{WHERE}/www.example.com", {"sni_endpoint": None})]
    assert result["diff"]["before"] == {"domains": {"www.example.com": RAPTOR["name"]}}


def test_a_certificate_that_is_not_there_changes_nothing_in_check_mode_either(run_module) -> None:
    for check in (True, False):
        shop = api(**{})
        shop.answers["GET", RAPTORS] = NOTHING
        given = {"app": "shop", "hostname": "www.example.com", "certificate": RAPTOR["name"]}
        assert "has no certificate 'velociraptor-12345'" in run_module("domain", shop, check=check, **given)["msg"]
        assert shop.changes == []


def test_the_platforms_own_domain_is_not_for_removal(run_module) -> None:
    shop = api()
    assert OWN in run_module("domain", shop, app="shop", hostname=OWN, state="absent")["msg"]
    assert shop.changes == []


def test_a_refusal_half_way_says_what_was_done(run_module) -> None:
    shop = api()
    shop.answers["POST", WHERE] = _second_refused
    result = run_module("domain", shop, app="shop", hostnames=["a.example.com", "b.example.com"])
    assert (result["failed"], result["changed"], result["actions"]) == (True, True, ["domain a.example.com added"])
    assert result["msg"] == "b.example.com is currently in use by another app."


def _second_refused(body: dict) -> dict:
    if body["hostname"] == "b.example.com":
        raise ApiError("b.example.com is currently in use by another app.", 422, "invalid_params")
    return row(body["hostname"])


@pytest.mark.parametrize(
    "wrong",
    [
        {"hostname": "localhost"},
        {"hostname": "a b.example.com"},
        {"hostnames": ["www.example.com", "x;y.example.com"]},
        {"hostname": "www.example.com", "state": "absent", "certificate": "velociraptor-12345"},
        {"hostname": "www.example.com", "state": "gone"},
    ],
)
def test_wrong_input_is_refused_before_anything_is_asked(run_module, wrong: dict) -> None:
    untouched = FakeApi()
    assert run_module("domain", untouched, app="shop", **wrong)["failed"]
    assert untouched.asked == []


def test_info_tells_all_the_platforms_own_first(run_module) -> None:
    shop = api("www.example.com", "a.example.com", endpoint=RAPTOR)
    result = run_module("domain_info", shop, app="shop")
    assert names(result) == [OWN, "a.example.com", "www.example.com"]
    assert (result["changed"], result["actions"], result["domains"][2]["certificate"]) == (False, [], RAPTOR["name"])
