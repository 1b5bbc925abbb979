"""The lab as a whole: brought up (made or healed) and taken down without a trace."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path

from lab import access, cgroups, daemon, host, image, machines, network, orphans, settings
from lab.catalogue import CATALOGUE, Machine
from lab.command import LabError, lxc, run
from lab.progress import say, step


def up(wanted: Sequence[Machine], *, others: bool) -> None:
    """Have the daemon, pool, bridge, image and the wanted machines; heals whatever of them is missing or dead.

    With `others`, machines that were made on request and exist are powered on too.
    """
    settings.HOME.mkdir(mode=0o711, parents=True, exist_ok=True)
    settings.SECRETS_DIR.mkdir(mode=0o700, exist_ok=True)
    with _alone():
        host.raise_limits()
        access.ensure_key()
        daemon.start()
        network.ensure_pool()
        network.ensure_bridge()
        image.ensure()
        machines.bring_up(list(dict.fromkeys([*wanted, *(machines.existing() if others else ())])))


def down() -> None:
    """Take machines, bridge, pool, daemon and every file of the lab away; works on a half-broken lab too."""
    if not settings.HOME.exists():
        network.remove_leftovers()
        say("There is no lab on this computer.")
        return
    with step("Taking the lab down"), _alone():
        if daemon.is_ready():
            for name in machines.states():
                with contextlib.suppress(LabError):
                    lxc("delete", "--force", name, timeout=120)
            for argv in (("network", "delete", settings.BRIDGE), ("storage", "delete", settings.POOL)):
                lxc(*argv, check=False, timeout=120)
        daemon.stop()
        for machine in CATALOGUE:
            with contextlib.suppress(LabError):
                orphans.remove(machine)
            cgroups.remove_empty(machine)
        network.remove_leftovers()
        _unmount_all()
        _free_loop_devices()
        host.restore_limits()
        shutil.rmtree(settings.HOME)


@contextlib.contextmanager
def _alone() -> Iterator[None]:
    """Hold the lab's folder locked: two commands that change the lab wait for each other."""
    folder = os.open(settings.HOME, os.O_RDONLY)
    try:
        try:
            fcntl.flock(folder, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say("Another lab command is at work; waiting for it …")
            fcntl.flock(folder, fcntl.LOCK_EX)
        yield
    finally:
        os.close(folder)


def _unmount_all() -> None:
    """Unmount whatever is mounted below the lab's folder, the deepest first."""
    points = [line.split()[4] for line in Path("/proc/self/mountinfo").read_text().splitlines()]
    below = [point.replace("\\040", " ") for point in points if point.startswith(f"{settings.HOME}/")]
    for point in sorted(below, key=len, reverse=True):
        run(["umount", "--lazy", point], check=False)


def _free_loop_devices() -> None:
    """Detach every loop device whose file is the lab's."""
    listed = json.loads(run(["losetup", "--list", "--json"]) or "{}").get("loopdevices", [])
    for device in listed:
        if str(device["back-file"]).startswith(f"{settings.HOME}/"):
            run(["losetup", "--detach", device["name"]], check=False)
