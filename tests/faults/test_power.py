"""The power goes everywhere at once: every process of LXD and of the machines ends, nothing is shut down."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

from platform_client import LAB_STATE, ROOT, App, wait_for
from sources import web

from lab import orphans
from lab.catalogue import CATALOGUE

MARK = f"{LAB_STATE}/".encode()


def processes_of_the_lab() -> Iterator[int]:
    """The lab's LXD daemon, proxies and name servers, the machines' monitors, and what runs in the machines."""
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with contextlib.suppress(OSError):
                words = (entry / "cmdline").read_bytes().replace(b"\0", b" ").split()
                daemons = (b"lxd", b"lxcfs", b"dnsmasq", b"[lxc")
                if words and words[0].rpartition(b"/")[2] in daemons and any(MARK in word for word in words):
                    yield int(entry.name)
    for machine in CATALOGUE:
        yield from orphans.processes(machine)


def cut_the_power() -> int:
    """SIGKILL for all of them, until none is left; gives how many there were."""
    killed: set[int] = set()

    def dark() -> bool:
        alive = set(processes_of_the_lab())
        for pid in alive:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        killed.update(alive)
        return not alive

    wait_for("every process of the lab ended", dark, 60)
    return len(killed)


def test_after_a_power_cut_of_everything_make_up_brings_every_app_back(new_app: Callable[..., App]) -> None:
    first, second = new_app(), new_app()
    first.deploy(web("first"))
    second.deploy(web("second"))
    second.scale(web=3)
    assert cut_the_power() > 50
    done = subprocess.run(["make", "up"], cwd=ROOT, text=True, capture_output=True, check=False, timeout=900)
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-3000:]
    for app, number in ((first, 1), (second, 3)):
        app.wait_dynos("web", number, 120)
        for router in range(len(app.platform.routers)):
            wait_for("it answers", lambda app=app, router=router: app.get(router=router).status == 200)
    assert first.get().body == "first web.1"
