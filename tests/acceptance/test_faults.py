"""Faults: dynos killed, hosts stopped; the platform comes back without hands."""

from __future__ import annotations

from collections.abc import Callable

import disks
from lab_fixtures import lab
from load import Load
from machines import instances_of, listed, on
from platform_client import App, wait_for
from sources import web


def test_a_dyno_killed_from_outside_comes_back_and_is_routed(new_app: Callable[..., App]) -> None:
    app = new_app()
    app.deploy(web())
    (victim,) = instances_of(app)
    on("dyno1", "lxc", "stop", "--force", victim["name"])
    wait_for("another dyno", lambda: victim["name"] not in [i["name"] for i in instances_of(app)], 60)
    app.wait_dynos("web", 1)
    wait_for("it answers", lambda: all(app.get(router=r).status == 200 for r in range(2)))


def test_a_process_that_exits_comes_back_and_its_status_is_logged(new_app: Callable[..., App]) -> None:
    app = new_app()
    app.deploy(web())
    app.get("/exit")
    wait_for("status in the log", lambda: any("Process exited with status 7" in line for line in app.logs(100)), 30)
    app.wait_dynos("web", 1)
    wait_for("it answers", lambda: app.get().status == 200)


def test_the_control_host_can_stop_while_apps_go_on(new_app: Callable[..., App]) -> None:
    app = new_app()
    app.deploy(web())
    before = {i["name"] for i in instances_of(app)}
    with Load(app, clients=1) as load:
        on("control1", "systemctl", "kill", "-s", "KILL", "hokku-manifold", "hokku-api", "hokku-builder")
        wait_for("load", lambda: load.sent > 200)
        wait_for("the API is back", lambda: app.call("GET").status_code == 200)
    assert load.failed == []
    app.wait_dynos("web", 1)
    assert {i["name"] for i in instances_of(app)} == before, "a healthy dyno was restarted"


def test_a_manifold_that_is_killed_while_a_release_command_starts_fails_no_release(new_app: Callable[..., App]) -> None:
    app = new_app()
    files = web() | {"Procfile": "release: echo migrated\nweb: python server.py\n"}
    app.deploy(files)
    app_id = app.call("GET", status=200).json()["id"]
    taken = f"select 1 from oneoffs where app_id = '{app_id}' and ended_at is null and claimed_at is not null"
    for number in range(3):
        app.call("PATCH", "/config-vars", {"STEP": str(number)}, 200)
        wait_for("the manifold has begun a dyno", lambda: disks.query(taken), 30, 0.02)
        on("control1", "systemctl", "kill", "-s", "KILL", "hokku-manifold")
        newest = max(app.call("GET", "/releases", status=200).json(), key=lambda each: each["version"])
        where = f"/releases/{newest['version']}"
        wait_for("the verdict", lambda at=where: app.call("GET", at, status=200).json()["status"] != "pending", 180)
        assert app.call("GET", where, status=200).json()["status"] == "succeeded", app.logs(50)


def test_a_router_that_restarts_has_its_routes_again(new_app: Callable[..., App]) -> None:
    app = new_app()
    app.deploy(web())
    on("router1", "systemctl", "restart", "haproxy")
    wait_for("router1 answers", lambda: app.get(router=0).status == 200, 30)
    assert app.get(router=1).status == 200


def test_a_host_stopped_hard_loses_no_app_and_rejoins_empty(new_app: Callable[..., App]) -> None:
    app = new_app()
    app.deploy(web())
    app.scale(web=3)
    try:
        lab("kill", "dyno3")
        wait_for("replacements on the others", lambda: _hosts(app) <= {"dyno1", "dyno2"}, 120)
        app.wait_dynos("web", 3, 120)
        for router in range(2):
            assert [app.get(router=router).status for _ in range(20)] == [200] * 20
    finally:
        lab("start", "dyno3")
    wait_for(
        "dyno3 is a member again",
        lambda: _online("dyno3"),
        120,
    )
    wait_for(
        "nothing of the old there", lambda: not [i for i in instances_of(app) if i["location"] == "dyno3"] or None, 90
    )
    app.scale(web=3)
    for router in range(2):
        assert {app.get(router=router).status for _ in range(30)} == {200}


def _hosts(app: App) -> set[str]:
    return {i["location"] for i in instances_of(app) if i["status"] == "Running"} or {"none"}


def _online(member: str) -> bool:
    return any(
        found["server_name"] == member and found["status"] == "Online" for found in listed("dyno1", "cluster", "list")
    )
