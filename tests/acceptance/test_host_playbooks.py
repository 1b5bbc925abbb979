"""Hosts come, rest and go by playbooks and by `fab`, under load, without a failed request."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest
from ansible_runs import must, run
from fab_runs import fab, told
from lab_fixtures import lab
from load import Load
from machines import instances_of, listed, on
from platform_client import App, Platform, wait_for
from sources import web

from lab.catalogue import machine_named

WITH_DYNO4 = ("inventory/lab", "tests/acceptance/dyno4.yml")
DYNO4 = ("-e", "host=dyno4")
ROUTER2 = ("-e", "host=router2")


def members() -> set[str]:
    """The names of the LXD cluster's members."""
    return {each["server_name"] for each in listed("dyno1", "cluster", "list")}


@pytest.fixture
def dyno4() -> Iterator[str]:
    """A bare machine, which no trace is left of."""
    lab("create", "dyno4")
    yield "dyno4"
    if "dyno4" in members():  # the test failed on its way
        on("dyno1", "lxc", "cluster", "remove", "--force", "--yes", "dyno4")
        must("site.yml")
    lab("destroy", "dyno4")


def on_dyno4(app: App) -> int:
    return len([found for found in instances_of(app) if found["location"] == "dyno4"])


def test_a_dyno_host_is_added_drained_and_removed_under_load(
    new_app: Callable[..., App], platform: Platform, dyno4: str
) -> None:
    app = new_app()
    app.deploy(web())
    app.scale(web=3)
    with Load(app) as load:
        wait_for("load", lambda: load.sent > 100)
        added = must("ops/add_host.yml", *DYNO4, inventory=WITH_DYNO4)
        assert platform.call("GET", "/hosts/dyno4", status=200).json()["state"] == "online"
        assert members() == {"dyno1", "dyno2", "dyno3", "dyno4"}
        for router in ("router1", "router2"):
            assert added.changed[router] == 1, "a router has only a name to learn"
        assert set(must("ops/add_host.yml", *DYNO4, inventory=WITH_DYNO4).changed.values()) == {0}

        app.call("PATCH", "/formation", {"updates": [{"type": "web", "quantity": 8}]}, 200)
        app.wait_dynos("web", 8, seconds=300)  # the first dyno there has its image brought
        assert on_dyno4(app) > 0
        wait_for("its dynos answer", lambda: len({body for _, body in load.seen[-200:]}) == 8)

        refused = run("ops/remove_host.yml", *DYNO4, "-e", "confirm=dyno4", inventory=WITH_DYNO4)
        assert "dyno4 is not drained" in refused.said
        must("ops/drain_host.yml", *DYNO4, inventory=WITH_DYNO4)
        assert on_dyno4(app) == 0
        assert len([dyno for dyno in app.dynos("web") if dyno["state"] == "up"]) == 8
        assert set(must("ops/drain_host.yml", *DYNO4, inventory=WITH_DYNO4).changed.values()) == {0}

        must("ops/activate_host.yml", *DYNO4, inventory=WITH_DYNO4)
        assert platform.call("GET", "/hosts/dyno4", status=200).json()["wanted"] == "active"
        must("ops/drain_host.yml", *DYNO4, inventory=WITH_DYNO4)

        unsure = run("ops/remove_host.yml", *DYNO4, inventory=WITH_DYNO4)
        assert "name a host of the inventory in both" in unsure.said
        assert "dyno4" in members()
        must("ops/remove_host.yml", *DYNO4, "-e", "confirm=dyno4", inventory=WITH_DYNO4)
        assert members() == {"dyno1", "dyno2", "dyno3"}
        assert platform.call("GET", "/hosts/dyno4").status_code == 404
        after = load.sent
        wait_for("load after", lambda: load.sent > after + 300)
    assert load.failed == []
    after_all = must("site.yml", "--diff")
    assert set(after_all.changed.values()) == {0}, after_all.output


def test_fab_adds_drains_and_removes_a_dyno_host_under_load(new_app: Callable[..., App], dyno4: str) -> None:
    sources = {"ANSIBLE_INVENTORY": ",".join(WITH_DYNO4)}
    app = new_app()
    app.deploy(web())
    with Load(app) as load:
        wait_for("load", lambda: load.sent > 100)
        added = told("add", "--host", dyno4, seconds=900, **sources)
        assert added["member"] is True
        assert added["changed"]["router1"] == 1, added
        assert set(told("add", "--host", dyno4, seconds=900, **sources)["changed"].values()) == {0}
        app.call("PATCH", "/formation", {"updates": [{"type": "web", "quantity": 8}]}, 200)
        app.wait_dynos("web", 8, seconds=300)
        assert on_dyno4(app) > 0

        refused = fab("remove", "--host", dyno4, "--confirm", dyno4, status=1, seconds=900, **sources)
        assert "dyno4 is not drained" in " ".join(refused.split())
        assert told("drain", "--host", dyno4, seconds=900)["drained"] is True
        assert on_dyno4(app) == 0
        assert "add --confirm dyno4" in fab("remove", "--host", dyno4, status=1, **sources)
        assert not told("remove", "--host", dyno4, "--confirm", dyno4, seconds=900, **sources)["member"]
        assert members() == {"dyno1", "dyno2", "dyno3"}
        after = load.sent
        wait_for("load after", lambda: load.sent > after + 300)
    assert load.failed == []


def test_a_host_that_is_lost_is_removed_once_it_is_taken_for_dead(platform: Platform, dyno4: str) -> None:
    must("ops/add_host.yml", *DYNO4, inventory=WITH_DYNO4)
    twice = (*DYNO4, "-e", "confirm=dyno4", "-e", "lost=true")
    refused = run("ops/remove_host.yml", *twice, inventory=WITH_DYNO4)
    assert "dyno4 is not drained (it is online" in refused.said
    lab("kill", dyno4)
    wait_for("it is dead", lambda: platform.call("GET", "/hosts/dyno4").json()["state"] == "offline", 180, every=1)
    must("ops/remove_host.yml", *twice, inventory=WITH_DYNO4)
    assert members() == {"dyno1", "dyno2", "dyno3"}
    assert platform.call("GET", "/hosts/dyno4").status_code == 404


def takes_connections(machine: str) -> bool:
    with socket.socket() as probe:
        probe.settimeout(5)
        return probe.connect_ex((machine_named(machine).address, 80)) == 0


@pytest.fixture
def router2_again() -> Iterator[None]:
    """Router2 takes requests after the test, however it ends."""
    yield
    must("ops/activate_host.yml", *ROUTER2)


def test_a_router_that_nobody_is_led_to_is_taken_out_and_put_back(
    new_app: Callable[..., App], platform: Platform, router2_again: None
) -> None:
    app = new_app()
    app.deploy(web("one"))
    only_router1 = App(replace(platform, routers=platform.routers[:1]), app.name)
    with Load(only_router1) as load:
        must("ops/drain_host.yml", *ROUTER2, "-e", "drain_quiet=5")
        assert not takes_connections("router2")
        repository = app.repository(web("two"))
        pushed = app.push(repository, refspec="+main")
        assert pushed.accepted, pushed.output
        must("ops/activate_host.yml", *ROUTER2)
        assert app.get(router=1).body == "two web.1"
        after = load.sent
        wait_for("load after", lambda: load.sent > after + 100)
    assert load.failed == []


def test_a_router_that_clients_still_ask_stays_in(new_app: Callable[..., App]) -> None:
    app = new_app()
    app.deploy(web())
    with Load(app) as load:
        wait_for("load", lambda: load.sent > 100)
        refused = run("ops/drain_host.yml", *ROUTER2, "-e", "drain_quiet=5", "-e", "drain_timeout=8")
    assert "Clients still come here" in refused.said
    assert load.failed == []


def test_services_are_restarted_one_after_the_other_under_load(new_app: Callable[..., App]) -> None:
    app = new_app()
    app.deploy(web())
    app.scale(web=2)
    with Load(app) as load:
        wait_for("load", lambda: load.sent > 100)
        must("ops/restart_services.yml")
        after = load.sent
        wait_for("load after", lambda: load.sent > after + 100)
    assert load.failed == []
    unknown = run("ops/restart_services.yml", "-e", "services=engine")
    assert "services has engine: use api, manifold" in unknown.said


def unwell(platform: Platform, part: str) -> bool:
    checks = platform.call("GET", "/platform/checks", status=200).json()
    return any(each["part"] == part and each["state"] == "failed" for each in checks)


def test_what_does_not_work_is_restarted_when_that_is_said(platform: Platform) -> None:
    on("control1", "systemctl", "stop", "hokku-courier.service")
    try:
        wait_for("the courier is missed", lambda: unwell(platform, "courier"), 180, every=1)
        refused = run("ops/restart_services.yml", "-e", "services=courier")
        assert "Not all is well" in refused.said
        must("ops/restart_services.yml", "-e", "services=courier", "-e", "although_unwell=true")
        assert not unwell(platform, "courier")
    finally:
        on("control1", "systemctl", "start", "hokku-courier.service")
