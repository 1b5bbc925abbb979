"""What a run of site.yml takes by number of hosts: the first one, and one that changes nothing.

One and three hosts are machines of their own, made for this and taken away. Six are the lab. Twenty are the lab with
fourteen more routers, the cheapest hosts there are: one computer has room for them, and what is to be seen is what a
host more costs, not what a computer holds.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SECRETS = "/var/lib/hokku-lab/secrets"
MACHINES = [f"bench{number}" for number in range(1, 15)]
GROUPS = ("control", "database", "logplex", "routers", "dyno_hosts")
ROUNDS = 2  # runs that change nothing, by number of hosts
_PLAY = re.compile(r"^PLAY \[(.+?)\]", re.M)
_RESULT = re.compile(r"^(?:ok|changed): \[([\w-]+)", re.M)
_TASK = re.compile(r"^TASK \[", re.M)
_RECAP = re.compile(r"^(\S+)\s+: ok=(\d+)\s+changed=(\d+)", re.M)


@dataclass(frozen=True)
class Run:
    """A run of site.yml: seconds, tasks that changed something, and tasks done by play and host."""

    seconds: float
    changed: int
    tasks: Mapping[str, Counter[str]]

    @property
    def hosts(self) -> int:
        """How many hosts it was about."""
        return len({host for counted in self.tasks.values() for host in counted})


def site(inventory: Path | str, *more: str) -> Run:
    """Run site.yml. Raises AssertionError with the end of its output when it fails."""
    began = time.monotonic()
    done = subprocess.run(
        [str(Path(sys.executable).parent / "ansible-playbook"), "-i", str(inventory), "playbooks/site.yml", *more],
        cwd=ROOT, text=True, capture_output=True, check=False,
    )  # fmt: skip
    taken = time.monotonic() - began
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-2000:]
    changed = sum(int(number) for _, _, number in _RECAP.findall(done.stdout))
    return Run(taken, changed, counted(done.stdout))


def counted(output: str) -> dict[str, Counter[str]]:
    """Tasks that each host did, by play, in the order of the plays; items of a loop are one task."""
    _, *parts = _PLAY.split(output.partition("\nPLAY RECAP")[0])
    found: dict[str, Counter[str]] = {}
    for play, text in zip(parts[::2], parts[1::2], strict=True):
        tasks = found.setdefault(play, Counter())
        for task in _TASK.split(text)[1:]:
            tasks.update(set(_RESULT.findall(task)))
    return {play: tasks for play, tasks in found.items() if tasks}


def lab(*arguments: str) -> None:
    """The lab's command."""
    subprocess.run([sys.executable, "-m", "lab", *arguments], cwd=ROOT, check=True, stdout=subprocess.DEVNULL)


@contextmanager
def machines(names: Sequence[str]) -> Iterator[None]:
    """Bare machines, taken away in the end."""
    lab("create", *names)
    try:
        yield
    finally:
        lab("destroy", *names)


def address(name: str) -> str:
    """A machine's address, as lab/catalogue.py has it."""
    from lab.catalogue import machine_named

    return machine_named(name).address


def inventory(folder: Path, roles: Mapping[str, Sequence[str]]) -> Path:
    """An inventory of machines by group, beside the lab's own settings, with secrets of its own."""
    made = folder / "inventory"
    shutil.rmtree(made, ignore_errors=True)
    shutil.copytree(ROOT / "inventory" / "lab" / "group_vars", made / "group_vars")
    groups = {
        group: {"hosts": {name: {"ansible_host": address(name)} for name in names}} for group, names in roles.items()
    }
    (made / "hosts.json").write_text(json.dumps({"all": {"children": groups}}))
    return made


def settings(folder: Path, one: bool) -> list[str]:
    """What the machines have of their own: secrets, one stack, and on a single machine another port for the API."""
    mine: dict[str, object] = {
        "hokku_secrets_dir": str(folder / "secrets"),
        "hokku_stacks": [{"name": "debian-13", "suite": "trixie"}],
        "hokku_public_url": "https://localhost:7443",
        "hokku_logs_url": "https://localhost:7601",
    }
    if one:
        mine["control_api_port"] = 5443
    return ["--extra-vars", json.dumps(mine)]


def measure() -> Iterator[tuple[str, Run, list[Run]]]:
    """What hosts there are, the first run, and runs that change nothing; for six there is no first run."""
    os.environ["ANSIBLE_CACHE_PLUGIN"] = "memory"  # new machines of old names have other facts
    for count, roles in ((1, [0, 0, 0, 0, 0]), (3, [0, 0, 0, 1, 2])):
        folder = Path(tempfile.mkdtemp(prefix="hokku-bench-"))
        with machines(MACHINES[:count]):
            where = inventory(folder, {group: [MACHINES[at]] for group, at in zip(GROUPS, roles, strict=True)})
            more = settings(folder, one=count == 1)
            first = site(where, *more)
            yield "everything on one" if count == 1 else "control, router, dyno host", first, again(where, *more)
        shutil.rmtree(folder)
    yield "control, 2 routers, 3 dyno hosts", Run(0.0, 0, {}), again("inventory/lab")
    folder = Path(tempfile.mkdtemp(prefix="hokku-bench-"))
    with machines(MACHINES):
        where = inventory(folder, {
            "control": ["control1"], "database": ["control1"], "logplex": ["control1"],
            "routers": ["router1", "router2", *MACHINES], "dyno_hosts": ["dyno1", "dyno2", "dyno3"],
        })  # fmt: skip
        first = site(where)
        yield "control, 16 routers, 3 dyno hosts", first, again(where)
    shutil.rmtree(folder)
    site("inventory/lab")  # the platform knows of its own routers alone


def again(where: Path | str, *more: str) -> list[Run]:
    """Runs that change nothing."""
    return [site(where, *more) for _ in range(ROUNDS)]


def lines() -> list[str]:
    """The section of docs/benchmarks.md: times with their slope, and the tasks by host and play."""
    found = list(measure())
    table = ["| hosts | which | first run | run that changes nothing | changed |", "|---|---|---|---|---|"]
    sizes, quiet = [], []
    for which, first, runs in found:
        sizes.append(runs[0].hosts)
        quiet.append(statistics.median(run.seconds for run in runs))
        began = f"{first.seconds:.0f} s" if first.seconds else "—"
        if runs[0].hosts == 20:
            began += " (14 routers more)"
        table.append(f"| {sizes[-1]} | {which} | {began} | {quiet[-1]:.1f} s | {max(run.changed for run in runs)} |")
    slope, at_zero = statistics.linear_regression(sizes, quiet)
    last = (quiet[-1] - quiet[-2]) / (sizes[-1] - sizes[-2])
    return [
        *table,
        "",
        f"A run that changes nothing takes {at_zero:.0f} s and {slope:.2f} s for each host; from six to twenty it is"
        f" {last:.2f} s for each router more. First runs of one and three hosts make one stack, the lab's has three.",
        "",
        "Tasks that a host does in such a run, by play:",
        "",
        *by_host(found[2][2][0]),
    ]


def by_host(run: Run) -> list[str]:
    """A table of the lab's hosts and the plays' tasks."""
    names = sorted({host for tasks in run.tasks.values() for host in tasks})
    table = ["| play | " + " | ".join(names) + " |", "|---|" + "---|" * len(names)]
    for play, tasks in run.tasks.items():
        table.append(f"| {play} | " + " | ".join(str(tasks[name] or "") for name in names) + " |")
    total = [str(sum(tasks[name] for tasks in run.tasks.values())) for name in names]
    return [*table, "| all | " + " | ".join(total) + " |"]
