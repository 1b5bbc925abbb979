"""The lab's machines from inside: commands on them, and what their LXD cluster lists."""

from __future__ import annotations

import json
import shlex
import subprocess

from platform_client import LAB_STATE, App


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
