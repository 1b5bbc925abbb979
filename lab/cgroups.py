"""Empty control groups of machines, which stay behind when LXD's monitors were killed."""

from __future__ import annotations

import contextlib
import re
from pathlib import Path

from lab.catalogue import Machine

_ROOT = Path("/sys/fs/cgroup")


def remove_empty(machine: Machine) -> None:
    """Remove the control groups that LXC made for the machine and that hold no process any more."""
    name = re.compile(rf"lxc\.(payload|monitor)\.{re.escape(machine.name)}(-\d+)?")
    for parent in (_ROOT, *(path for path in _ROOT.iterdir() if path.is_dir() and not path.is_symlink())):
        with contextlib.suppress(OSError):
            for group in [path for path in parent.iterdir() if name.fullmatch(path.name)]:
                _remove(group)


def _remove(group: Path) -> None:
    """Remove the group and those below it, unless a process is in any of them."""
    groups = [group, *(path for path in group.rglob("*") if path.is_dir())]
    if any((path / "cgroup.procs").read_text().strip() for path in groups):
        return
    for path in sorted(groups, key=lambda path: len(path.parts), reverse=True):
        path.rmdir()
