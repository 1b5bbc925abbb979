"""`hokku.platform.domain` on the lab."""

from __future__ import annotations

from collections.abc import Callable

from platform_client import App
from runner import Runner, Step


def test_an_apps_domains_are_what_one_task_says(runner: Runner, new_app: Callable[..., App]) -> None:
    app = new_app()
    www, art, old = (f"{each}.{app.name}.example.org" for each in ("www", "art", "old"))
    both = {"app": app.name, "hostnames": [www.upper(), art], "exact": True}
    first, would, changed, unchanged, wrong, platforms, gone, told = runner.play(
        [
            Step("domain", {"app": app.name, "hostname": old}),
            Step("domain", both, check=True),
            Step("domain", both),
            Step("domain", both),
            Step("domain", {"app": app.name, "hostnames": [old, "no domain"]}),
            Step("domain", {"app": app.name, "hostname": app.host, "state": "absent"}),
            Step("domain", {"app": app.name, "hostname": art, "state": "absent"}),
            Step("domain_info", {"app": app.name}),
        ]
    )
    assert (first["changed"], first["diff"]) == (True, {"before": {"domains": {}}, "after": {"domains": {old: None}}})
    assert would["actions"] == [f"domain {www} added", f"domain {art} added", f"domain {old} removed"]
    assert (would["actions"], would["diff"], would["domains"]) == (
        changed["actions"], changed["diff"], changed["domains"]
    )  # fmt: skip
    assert (unchanged["changed"], unchanged["actions"], unchanged["domains"]) == (False, [], changed["domains"])
    assert "'no domain' is not a fully qualified domain name" in wrong["msg"]
    assert f"{app.host} is the platform's own domain" in platforms["msg"]
    assert gone["actions"] == [f"domain {art} removed"]
    assert [each["hostname"] for each in told["domains"]] == [app.host, www]
    found = {each["hostname"] for each in app.call("GET", "/domains", status=200).json()}
    assert found == {app.host, www}


def test_a_refusal_half_way_says_what_was_done(runner: Runner, new_app: Callable[..., App]) -> None:
    app, other = new_app(), new_app()
    mine, taken = f"a.{app.name}.example.org", f"b.{app.name}.example.org"
    other.call("POST", "/domains", {"hostname": taken}, 201)
    refused = runner.run("domain", {"app": app.name, "hostnames": [mine, taken]})
    assert (refused["msg"], refused["actions"]) == (
        f"{taken} is currently in use by another app.", [f"domain {mine} added"]
    )  # fmt: skip
