"""A dyno host is cordoned and drained under load: no request fails, nothing is left on it, and it comes back."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from load import Load
from machines import instances_of, listed
from platform_client import App, Platform, wait_for
from sources import web

HOSTS = ("dyno1", "dyno2", "dyno3")


def host(platform: Platform, name: str) -> dict:
    return platform.call("GET", f"/hosts/{name}", status=200).json()


def want(platform: Platform, name: str, wanted: str) -> dict:
    return platform.call("PATCH", f"/hosts/{name}", {"wanted": wanted}, 200).json()


def drained(platform: Platform, name: str, seconds: float = 180) -> None:
    """Wait until the host is drained; fails with what it waited for."""

    def empty() -> dict | None:
        found = last.append(host(platform, name)) or last[-1]
        return found if found["drained"] else None

    last: list[dict] = []
    try:
        wait_for(f"{name} is drained", empty, seconds, every=0.5)
    except AssertionError as error:
        raise AssertionError(f"{error}; it is {last[-1:]}") from None


def left_on(name: str) -> list[str]:
    """The instances on the host that hold something of an app."""
    tenants = ("dyno", "template", "build")
    return [
        each["name"] for each in listed("dyno1", "list")
        if each["location"] == name and (each["config"] or {}).get("user.hokku.kind") in tenants
    ]  # fmt: skip


@pytest.fixture
def hosts(platform: Platform) -> Iterator[Platform]:
    """All hosts take dynos, before and after."""
    for name in HOSTS:
        want(platform, name, "active")
    wait_for("all hosts online", lambda: all(host(platform, name)["state"] == "online" for name in HOSTS))
    yield platform
    for name in HOSTS:
        want(platform, name, "active")


def test_a_host_is_drained_under_load_without_a_failed_request(hosts: Platform, new_app: Callable[..., App]) -> None:
    app = new_app()
    app.deploy(web())
    app.scale(web=3)
    assert {each["location"] for each in instances_of(app)} == set(HOSTS)
    before = {dyno["name"]: dyno["id"] for dyno in app.dynos("web")}
    (victim,) = (each for each in instances_of(app) if each["location"] == "dyno2")
    most = 0
    with Load(app) as load:
        wait_for("load", lambda: load.sent > 200)
        want(hosts, "dyno2", "drained")

        def gone() -> bool:
            nonlocal most
            states = [dyno["state"] for dyno in app.dynos("web")]
            most = max(most, sum(state in ("up", "starting") for state in states))
            assert states.count("up") >= 3, states
            return host(hosts, "dyno2")["drained"]

        wait_for("dyno2 is drained", gone, 180)
        after = load.sent
        wait_for("load after", lambda: load.sent > after + 200)
    assert load.failed == []
    assert most <= 4, f"{most} dynos, where 3 are wanted and one is replaced"

    assert left_on("dyno2") == []
    found = host(hosts, "dyno2")
    assert (found["dynos"], found["oneoffs"], found["memory_committed"], found["reason"]) == (0, 0, 0, None)
    moved = {dyno["name"] for dyno in app.wait_dynos("web", 3) if dyno["id"] != before[dyno["name"]]}
    assert len(moved) == 1, "a dyno of another host was replaced"
    (name,) = moved
    told = app.call("GET", f"/dynos/{name}/decisions", status=200).json()
    retired = next(each for each in told if each["decision"] == "retire")
    assert (retired["host"], retired["reason"]) == ("dyno2", "Its host dyno2 is being drained.")
    assert victim["name"] not in [each["name"] for each in instances_of(app)]

    want(hosts, "dyno2", "active")
    app.scale(web=4)
    assert "dyno2" in {each["location"] for each in instances_of(app)}


def test_a_drain_that_is_taken_back_replaces_nothing_more(hosts: Platform, new_app: Callable[..., App]) -> None:
    app = new_app()
    app.deploy(web())
    app.scale(web=3)
    with Load(app) as load:
        wait_for("load", lambda: load.sent > 100)
        for _ in range(3):
            want(hosts, "dyno3", "drained")
            want(hosts, "dyno3", "active")
        app.wait_dynos("web", 3)
        after = load.sent
        wait_for("load after", lambda: load.sent > after + 200)
    assert load.failed == []
    assert host(hosts, "dyno3")["drained"] is False


def test_a_one_off_dyno_is_waited_for_and_the_host_says_so(hosts: Platform, new_app: Callable[..., App]) -> None:
    app = new_app()
    app.deploy(web())
    for name in ("dyno2", "dyno3"):
        want(hosts, name, "cordoned")
    body = {"command": "sleep 600", "attach": False}
    one_off = app.call("POST", "/dynos", body, 201).json()
    wait_for("it is up", lambda: app.call("GET", f"/dynos/{one_off['id']}").json().get("state") == "up")
    assert "dyno1" in {each["location"] for each in instances_of(app)}
    refused = hosts.call("PATCH", "/hosts/dyno1", {"wanted": "drained"}, 422).json()
    assert "dyno2 is cordoned" in refused["message"]

    for name in ("dyno2", "dyno3"):
        want(hosts, name, "active")
    want(hosts, "dyno1", "drained")
    said = wait_for("what it waits for", lambda: host(hosts, "dyno1")["reason"])
    wait_for(
        "only the one-off is left",
        lambda: (found := host(hosts, "dyno1"))["oneoffs"] == 1 and not found["dynos"],
        120,
    )
    assert said.startswith("waits: ")
    assert "1 one-off dyno to end" in host(hosts, "dyno1")["reason"]
    assert host(hosts, "dyno1")["drained"] is False
    app.call("POST", f"/dynos/{one_off['id']}/actions/stop", status=202)
    drained(hosts, "dyno1")
    assert left_on("dyno1") == []


def test_a_lab_that_is_well_has_no_failed_check(hosts: Platform) -> None:
    last: list[list[dict]] = []

    def well() -> bool:
        found = hosts.call("GET", "/platform/checks", status=200).json()
        parts = {"database", "logplex", "manifold", "builder", "courier", "rendezvous", "router", "host"}
        assert parts <= {each["part"] for each in found}
        last.append([each for each in found if each["state"] == "failed"])
        return not last[-1]

    try:
        wait_for("no failed check", well, 60, every=1)
    except AssertionError as error:
        raise AssertionError(f"{error}; failed: {last[-1:]}") from None
