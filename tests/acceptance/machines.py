"""The lab's machines from inside: commands on them, and what their LXD cluster lists."""

from __future__ import annotations

import json
import shlex
import subprocess

from platform_client import LAB_STATE, App, wait_for


def on(machine: str, *arguments: str) -> str:
    """Run a command on a machine of the lab."""
    done = subprocess.run(
        ["lxc", "exec", machine, "--", *arguments], text=True, capture_output=True, check=False,
        env={"LXD_DIR": str(LAB_STATE / "lxd"), "PATH": "/usr/bin:/bin:/usr/sbin", "HOME": "/root"}, timeout=120,
    )  # fmt: skip
    assert done.returncode == 0, f"{machine}: {shlex.join(arguments)}: {done.stdout}{done.stderr}"
    return done.stdout


def listed(machine: str, *arguments: str) -> list[dict]:
    """What an `lxc … list` on the machine lists. LXD 5.0 now and then loses the output of an exec: asked again then."""
    return json.loads(
        wait_for("a listing", lambda: on(machine, "lxc", *arguments, "--format", "json"), seconds=20, every=0.2)
    )


def instances_of(app: App, machine: str = "dyno1", kind: str = "dyno") -> list[dict]:
    """The app's LXD instances of that kind (its dynos, or its templates), as the cluster lists them."""
    app_id = app.call("GET").json()["id"]
    return [
        found for found in listed(machine, "list")
        if (config := found["config"] or {}).get("user.hokku.app") == app_id  # of a lost member it knows none
        and config.get("user.hokku.kind") == kind
    ]  # fmt: skip
