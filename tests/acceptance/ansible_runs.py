"""Playbooks as an operator runs them, and what their recap says."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from platform_client import ROOT

_RECAP = re.compile(r"^(\S+)\s+: ok=\d+\s+changed=(\d+)\s+unreachable=(\d+)\s+failed=(\d+)", re.MULTILINE)


@dataclass(frozen=True)
class Ran:
    """What a run said, and how it ended."""

    good: bool
    output: str

    @property
    def said(self) -> str:
        """All of it with single spaces: Ansible breaks its lines anywhere."""
        return " ".join(self.output.split())

    @property
    def changed(self) -> dict[str, int]:
        """How many tasks changed something, by host."""
        return {host: int(changed) for host, changed, _, _ in _RECAP.findall(self.output)}


def run(
    playbook: str, *arguments: str | Path, inventory: tuple[str, ...] = ("inventory/lab",), **environment: str
) -> Ran:
    """`ansible-playbook playbooks/PLAYBOOK …`, in any way it ends. `environment` is added to this process' own."""
    sources = [word for source in inventory for word in ("-i", source)]
    argv = [Path(sys.executable).with_name("ansible-playbook"), *sources, f"playbooks/{playbook}", *arguments]
    done = subprocess.run(
        argv, cwd=ROOT, env=os.environ | environment, text=True, check=False, timeout=1200,
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )  # fmt: skip
    return Ran(done.returncode == 0, done.stdout)


def must(playbook: str, *arguments: str | Path, **more: object) -> Ran:
    """The same, which must end well."""
    ran = run(playbook, *arguments, **more)
    assert ran.good, ran.output
    return ran
