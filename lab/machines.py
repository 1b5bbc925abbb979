"""The machines' life: made, powered on, powered off hard, taken away, and healed when their processes were killed."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

from lab import access, orphans, ports, settings
from lab.catalogue import CATALOGUE, Machine
from lab.command import LabError, lxc
from lab.progress import say, step

_AT_ONCE = 3
_CONFIG = {
    "security.nesting": "true",
    "security.privileged": "false",
    "boot.autostart": "false",
    "boot.host_shutdown_timeout": "20",
}


def states() -> dict[str, str]:
    """Each machine that exists and its state as LXD names it (`Running`, `Stopped`, `Error` …)."""
    listed = json.loads(lxc("query", "/1.0/instances?recursion=1"))
    return {entry["name"]: entry["status"] for entry in listed}


def existing() -> tuple[Machine, ...]:
    """The machines that exist, in the catalogue's order."""
    found = states()
    return tuple(machine for machine in CATALOGUE if machine.name in found)


def create(machine: Machine) -> None:
    """Make the machine, powered off, unless it exists."""
    if machine.name in states():
        return
    lxc("init", settings.IMAGE_ALIAS, machine.name, "--no-profiles", f"--storage={settings.POOL}", *_config())
    lxc(
        *("config", "device", "add", machine.name, "eth0", "nic", "name=eth0"),
        *(f"network={settings.BRIDGE}", f"ipv4.address={machine.address}"),
    )
    say(f"{machine.name} is made")


def start(machine: Machine) -> None:
    """Power the machine on, wait for its sshd, know its host key and have its ports served."""
    found = states().get(machine.name)
    if found is None:
        raise LabError(f"{machine.name} does not exist: make it with `python -m lab create {machine.name}`.")
    if found == "Running" and not _sees_its_kernel(machine):
        say(f"{machine.name} lost lxcfs, which died while it ran; it is started again")
        kill(machine)
        found = "Stopped"
    if found != "Running":
        orphans.remove(machine)
        if found != "Stopped":
            lxc("stop", "--force", machine.name, check=False, timeout=60)
        with contextlib.suppress(LabError):
            lxc("start", machine.name)
        if states().get(machine.name) != "Running":
            orphans.remove(machine)
            lxc("start", machine.name)
        say(f"{machine.name} is powered on")
    access.authorize(machine)
    access.wait_for_ssh(machine)
    access.remember_host_key(machine)
    ports.ensure(machine)
    say(f"{machine.name} accepts SSH at {machine.address}")


def stop(machine: Machine) -> None:
    """Shut the machine down in order; hard after 60 s."""
    if states().get(machine.name) == "Running":
        try:
            lxc("stop", machine.name, "--timeout=60", timeout=90)
        except LabError:
            kill(machine)


def kill(machine: Machine) -> None:
    """Take the power away."""
    if states().get(machine.name) not in (None, "Stopped"):
        lxc("stop", "--force", machine.name, timeout=120)


def destroy(machine: Machine) -> None:
    """Take the machine and all it holds away."""
    if machine.name in states():
        kill(machine)
        lxc("delete", "--force", machine.name)
        say(f"{machine.name} is gone")
    access.forget_host_key(machine)


def bring_up(chosen: Sequence[Machine]) -> None:
    """Have every machine of `chosen` exist, run and accept SSH."""
    with step(f"Machines {', '.join(machine.name for machine in chosen)}"):
        for machine in chosen:
            create(machine)
        _each(start, chosen)


def _sees_its_kernel(machine: Machine) -> bool:
    """Whether the machine can read the files of /proc that lxcfs serves; a dead lxcfs breaks them until a new start."""
    try:
        lxc("exec", machine.name, "--", "cat", "/proc/uptime", timeout=30)
    except LabError:
        return False
    return True


def _each(act: Callable[[Machine], None], chosen: Sequence[Machine]) -> None:
    """Do act for every machine, a few at a time; the first failure is raised once all have been tried."""
    with ThreadPoolExecutor(max_workers=_AT_ONCE) as pool:
        tried = [pool.submit(act, machine) for machine in chosen]
    for attempt in tried:
        attempt.result()


def _config() -> list[str]:
    return [f"--config={key}={value}" for key, value in _CONFIG.items()]
