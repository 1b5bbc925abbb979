"""Faults: dynos killed, hosts stopped; the platform comes back without hands."""

from __future__ import annotations

import json
import shlex
import subprocess
from collections.abc import Callable

from conftest import lab
from load import Load
from platform_client import LAB_STATE, App, wait_for
from sources import web


def on(machine: str, *arguments: str) -> str:
    """Run a command on a machine of the lab."""
    done = subprocess.run(
        ["lxc", "exec", machine, "--", *arguments], text=True, capture_output=True, check=False,
        env={"LXD_DIR": str(LAB_STATE / "lxd"), "PATH": "/usr/bin:/bin:/usr/sbin", "HOME": "/root"}, timeout=120,
    )  # fmt: skip
    assert done.returncode == 0, f"{machine}: {shlex.join(arguments)}: {done.stdout}{done.stderr}"
    return done.stdout


def instances_of(app: App, machine: str = "dyno1") -> list[dict]:
    """LXD instances of the app's dynos, as the cluster lists them."""
    app_id = app.call("GET").json()["id"]
    listed = json.loads(on(machine, "lxc", "list", "--format", "json"))
    return [
        found for found in listed
        if found["config"].get("user.hokku.app") == app_id and found["config"].get("user.hokku.kind") == "dyno"
    ]  # fmt: skip


def test_a_dyno_killed_from_outside_comes_back_and_is_routed(new_app: Callable[..., App]) -> None:
    app = new_app()
    app.deploy(web())
    (victim,) = instances_of(app)
    on("dyno1", "lxc", "stop", "--force", victim["name"])
    wait_for("another dyno", lambda: victim["name"] not in [i["name"] for i in instances_of(app)] or None, 60)
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
        wait_for("replacements on the others", lambda: {d["host"] for d in app.dynos("web")} <= {"dyno1", "dyno2"}, 120)
        app.wait_dynos("web", 3, 120)
        for router in range(2):
            assert [app.get(router=router).status for _ in range(20)] == [200] * 20
    finally:
        lab("start", "dyno3")
    wait_for(
        "dyno3 is a member again",
        lambda: "Fully operational" in on("dyno1", "lxc", "cluster", "show", "dyno3") or _online("dyno3"),
        120,
    )
    wait_for(
        "nothing of the old there", lambda: not [i for i in instances_of(app) if i["location"] == "dyno3"] or None, 90
    )
    app.scale(web=3)
    for router in range(2):
        assert {app.get(router=router).status for _ in range(30)} == {200}


def _online(member: str) -> bool:
    listed = json.loads(on("dyno1", "lxc", "cluster", "list", "--format", "json"))
    return any(found["server_name"] == member and found["status"] == "Online" for found in listed)
