"""What the lab needs of this computer's kernel, and gives back when it goes: limits, forwarding, loop devices."""

from __future__ import annotations

import json
import os
from pathlib import Path

from lab import settings
from lab.command import LabError, run

_WANTED = {
    "fs/inotify/max_user_instances": 8192,
    "fs/inotify/max_user_watches": 1048576,
    "fs/inotify/max_queued_events": 1048576,
    "kernel/keys/maxkeys": 20000,
    "kernel/keys/maxbytes": 2000000,
    "net/ipv4/ip_forward": 1,
}
"""Least values: the machines share one user in the kernel's books, and each runs a systemd (LXD: production setup)."""


def require_root() -> None:
    """Raises LabError unless this process is root."""
    if os.geteuid() != 0:
        raise LabError("The lab needs root: run the same command with sudo.")


def raise_limits() -> None:
    """Raise the kernel's limits to what the machines need, and remember what they were."""
    before: dict[str, int] = json.loads(settings.HOST_STATE.read_text()) if settings.HOST_STATE.exists() else {}
    for name, least in _WANTED.items():
        path = Path("/proc/sys") / name
        if not path.exists():
            continue
        found = int(path.read_text())
        if found < least:
            before.setdefault(name, found)
            path.write_text(f"{least}\n")
    settings.HOST_STATE.write_text(json.dumps(before, indent=1) + "\n")


def restore_limits() -> None:
    """Give the kernel's limits the values they had before the lab raised them."""
    if not settings.HOST_STATE.exists():
        return
    for name, value in json.loads(settings.HOST_STATE.read_text()).items():
        (Path("/proc/sys") / name).write_text(f"{value}\n")


def ensure_loop_device() -> None:
    """See to it that the next free loop device has a node in /dev, which not every container gets by itself."""
    free = Path(run(["losetup", "--find"]).strip())
    if not free.exists():
        run(["mknod", str(free), "b", "7", free.name.removeprefix("loop")])


def default_route_mtu() -> int:
    """The MTU in bytes of the way out of this computer; 1500 where there is no default route."""
    routes = json.loads(run(["ip", "-json", "route", "show", "default"]) or "[]")
    if not routes:
        return 1500
    device = routes[0]["dev"]
    mtu = int(Path(f"/sys/class/net/{device}/mtu").read_text())
    for metric in routes[0].get("metrics", []):
        mtu = min(mtu, int(metric.get("mtu", mtu)))
    return mtu


def has_systemd() -> bool:
    """Whether systemd is this computer's PID 1."""
    return Path("/run/systemd/system").is_dir()
