"""Processes of a machine that outlived LXD's own (its monitor was killed, its systemd was not)."""

from __future__ import annotations

import contextlib
import os
import signal
from pathlib import Path

from lab import settings
from lab.catalogue import Machine
from lab.progress import say, wait_until


def remove(machine: Machine) -> None:
    """Kill what runs in the root of a machine that LXD does not know to run; it would hold its disk and its address."""
    found = processes(machine)
    if not found:
        return
    say(f"{machine.name}: {len(found)} processes outlived LXD's monitor; they are killed before it starts again")
    for pid in found:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    wait_until(lambda: not processes(machine), f"the old processes of {machine.name} to end", 30)


def processes(machine: Machine) -> list[int]:
    """Ids of the processes whose root is the machine's folder on the lab's own pool."""
    root = f"/containers/{machine.name}/rootfs"
    found: list[int] = []
    if _roots_at(Path("/proc/self"), root):  # this computer is itself a machine of a lab, and of that name
        return found
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        with contextlib.suppress(OSError):
            if _roots_at(entry, root):
                found.append(int(entry.name))
    return found


def _roots_at(process: Path, root: str) -> bool:
    for line in (process / "mountinfo").read_text().splitlines():
        words = line.split()
        if words[4] != "/":
            continue
        if words[3] != root:
            return False
        source = words[words.index("-") + 2]
        backing = Path("/sys/block") / Path(source).name / "loop" / "backing_file"
        return backing.exists() and backing.read_text().startswith(f"{settings.HOME}/")
    return False
