"""`make bench`: measures the lab on this computer and writes docs/benchmarks.md.

Every figure stands beside its floor, measured in the same run. Nothing here is a test: figures vary with the computer.
`python -m tests.bench PART…` measures some parts, and writes their sections of the page alone. Measured only when they
are named: `disks`, which deploys one app 200 times and takes about an hour, and `hosts`, which makes fourteen machines
and takes a quarter of one.
"""

from __future__ import annotations

import json
import os
import platform as computer
import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests" / "acceptance"))

import disks  # noqa: E402
from lab_fixtures import lab_environment  # noqa: E402
from machines import instances_of, on  # noqa: E402
from platform_client import SAMPLE, App, Platform, wait_for  # noqa: E402

from tests.bench import api, fetching, hosts, neighbour  # noqa: E402

PHASES = ("receive", "build", "pack", "release", "place", "boot", "routed")
ROUNDS = 3
PAGE = ROOT / "docs" / "benchmarks.md"
INTRODUCTION = """# Benchmarks

Written by `make bench`, a section a part (`python -m tests.bench PART`). Medians (lowest–highest); the lab's six
machines, their load and the client share one computer: read the ratios.
"""


@dataclass(frozen=True)
class Row:
    """One line of the table: what was measured, the figure, the floor or aim beside it, and their ratio."""

    what: str
    figure: str
    floor: str = ""
    ratio: str = ""


def connect() -> Platform:
    """The platform that `make env` points at, with a key of its own for pushes over SSH."""
    scratch = Path(tempfile.mkdtemp(prefix="hokku-bench-"))
    return Platform.from_environment(scratch, lab_environment())


def timings(app: App) -> dict[str, float]:
    """Seconds by phase of the app's last build, as the builder wrote them."""
    app_id = app.call("GET").json()["id"]
    query = f"select timings from builds where app_id = '{app_id}' order by created_at desc limit 1"
    return json.loads(on("control1", "runuser", "-u", "postgres", "--", "psql", "-At", "-c", query, "hokku"))


def samples() -> list[Path]:
    """The directories of the samples, that of Python first, which is measured most often."""
    found = sorted(path for path in SAMPLE.parent.iterdir() if path.is_dir())
    return sorted(found, key=lambda path: path != SAMPLE)


def push_to_served(platform: Platform, title: str, source: Path | dict[str, str], rounds: int) -> list[Row]:
    """The first push of an app (a folder or texts by path), one of a change, and one of none, split by phase."""
    rows = []
    first: list[tuple[float, dict]] = []
    second: list[tuple[float, dict]] = []
    third: list[tuple[float, dict]] = []
    for _ in range(rounds):
        app = platform.create_app()
        repository = app.repository(source)
        for kept, change in ((first, None), (second, {"CHANGED": str(time.time())}), (third, {})):
            if change is not None:
                app.commit(repository, change)
            pushed = app.push(repository)
            assert pushed.accepted, pushed.output
            kept.append((pushed.seconds, timings(app)))
            wait_for("every host to have a template of it", lambda app=app: whole_stock(app), 60, 0.5)
        app.destroy()
    for name, kept in (("first", first), ("second", second), ("third, unchanged", third)):
        aim = "aim < 10 s" if source == SAMPLE and kept is second else ""
        rows.append(Row(f"push to served, {name} push of {title}", seconds([total for total, _ in kept]), aim))
        for phase in PHASES:
            values = [split[phase] for _, split in kept if phase in split]
            rows.append(Row(f"— {phase}", seconds(values) if values else "not recorded"))
    built, *later = (statistics.median(split["build"] for _, split in kept) for kept in (first, second, third))
    for name, spent in zip(("with a change", "unchanged"), later, strict=True):
        rows.append(
            Row(f"building {title} again, {name}", f"{spent:.2f} s", f"{built:.2f} s", f"{built / spent:.1f} × as fast")
        )
    return rows


def whole_stock(app: App) -> bool:
    """Whether the hosts are done with what they do after a release: it takes as much as a build, on one computer."""
    return len(instances_of(app, kind="template")) >= len(disks.DYNO_HOSTS)


def scale_against_raw_copies(platform: Platform) -> list[Row]:
    """Scale 1→6: seconds a dyno until all are up, against `lxc copy` + `lxc start` of the same templates."""
    app = platform.create_app()
    repository = app.repository(SAMPLE)
    assert app.push(repository).accepted
    app.scale(web=3)  # every host has the template then, as on any app that ran there before
    scaled, floor = [], []
    for _ in range(ROUNDS):
        app.scale(web=1)
        wait_for("only one instance", lambda: len(instances_of(app)) == 1, 90)
        began = time.monotonic()
        app.call("PATCH", "/formation", {"updates": [{"type": "web", "quantity": 6}]}, 200)
        wait_for("six up", lambda: [d["state"] for d in app.dynos("web")].count("up") == 6, 120, 0.02)
        scaled.append((time.monotonic() - began) / 5)
        floor.append(statistics.median(raw_copies(app)))
    app.destroy()
    median, lowest = statistics.median(scaled), statistics.median(floor)
    return [
        Row(
            "scale 1→6, per dyno, until up and routed",
            seconds(scaled),
            f"raw `lxc copy` + `lxc start`: {seconds(floor)}",
            f"{median / lowest:.2f} (aim ≤ 1.5)",
        )
    ]


def raw_copies(app: App) -> list[float]:
    """Seconds of each of five copies and starts of one of the app's templates, one after the other, on its own host."""
    template = instances_of(app, kind="template")[0]
    host, taken = template["location"], []
    for number in range(5):
        name = f"bench-{number}"
        script = (
            f"lxc copy {template['name']} {name} --target {host} -c environment.HOKKU_MODE=idle "
            f"-c user.hokku.kind=bench && lxc start {name}"
        )
        began = time.monotonic()
        on(host, "sh", "-c", script)
        taken.append(time.monotonic() - began)
    for number in range(5):
        on(host, "lxc", "delete", "--force", f"bench-{number}")
    return taken


def site_without_changes() -> list[Row]:
    """Seconds of a run of site.yml that changes nothing, on the lab's six machines."""
    run = hosts.site("inventory/lab")
    return [
        Row("site.yml, nothing to change, six machines", f"{run.seconds:.1f} s, changed={run.changed}", "aim < 45 s")
    ]


def router() -> list[Row]:
    """Requests a second through the routing mesh's configuration, against the same HAProxy with a static one."""
    done = subprocess.run(
        [sys.executable, str(ROOT / "tests" / "bench" / "router.py")], text=True, capture_output=True, check=False
    )
    assert done.returncode == 0, done.stderr[-2000:]
    found = json.loads(done.stdout)
    return [
        Row(
            "requests a second through a router (maps, backend pool)",
            f"{found['mesh_rps']:,.0f}",
            f"static configuration: {found['static_rps']:,.0f}",
            f"{found['ratio']:.2f} (aim ≥ 0.95)",
        )
    ]


def seconds(values: list[float]) -> str:
    """Median and range, in seconds."""
    if len(values) == 1:
        return f"{values[0]:.2f} s"
    return f"{statistics.median(values):.2f} s ({min(values):.2f}–{max(values):.2f})"


def table(rows: list[Row]) -> list[str]:
    """Lines of a table."""
    head = ["| what | measured | floor or aim, in the same run | ratio |", "|---|---|---|---|"]
    return [*head, *(f"| {row.what} | {row.figure} | {row.floor} | {row.ratio} |" for row in rows)]


def publish(heading: str, lines: list[str]) -> None:
    """Put a section with what the computer was into the page, in place of the one of that heading."""
    memory = int(re.search(r"MemTotal:\s+(\d+)", Path("/proc/meminfo").read_text()).group(1)) // 2**20
    where = f"{time.strftime('%Y-%m-%d')}, {os.cpu_count()} cores, {memory} GiB, Linux {computer.release()}."
    section = "\n".join([where, "", *lines])
    print(f"## {heading}\n\n{section}\n")
    _, *parts = ("\n" + PAGE.read_text()).split("\n## ")
    kept = {name: rest for name, _, rest in (part.partition("\n") for part in parts)}
    kept[heading] = f"\n{section}\n"
    PAGE.write_text(INTRODUCTION + "".join(f"\n## {name}\n{rest.rstrip()}\n" for name, rest in kept.items()))


def deploys() -> None:
    """Deploy one app many times, and write what the disks held."""
    platform, keep = connect(), disks.retention()
    app, repository = disks.app_of(platform)
    found = []
    for figures in disks.deploy(app, repository):
        print(f"==> {figures}", file=sys.stderr, flush=True)
        found.append(figures)
    wait_for("old content to go", lambda: len(disks.contents(app)) <= keep, disks.GRACE + 3 * disks.SWEEP, 5)
    wait_for("old templates to go", lambda: disks.settled(app) and disks.quiet(app), 120, 2)
    found.append(disks.measure(app, disks.DEPLOYS, found[-1].push_seconds if found else 0.0))
    publish(
        "Many deploys of one app",
        [
            f"Pushes of a small Python app, each of other content; the newest {keep} releases can be rolled back to.",
            "Content stays ten minutes at least, so the last column is taken when that is over.",
            "Containers, images and LXD's database are those of three hosts together; what btrfs shares counts once.",
            "",
            *disks.table(found),
        ],
    )
    if disks.APP is None:
        app.destroy()


def pushes(platform: Platform) -> list[Row]:
    """Push to served for each sample."""
    found = [
        push_to_served(platform, f"samples/{path.name}", path, ROUNDS if path == SAMPLE else 1) for path in samples()
    ]
    return [row for rows in found for row in rows]


def rebuilds(platform: Platform) -> list[Row]:
    """The same for apps that fetch what they need, as few samples do: what the cache is for."""
    found = [push_to_served(platform, title, files, 1) for title, files in fetching.apps().items()]
    return [row for rows in found for row in rows]


PARTS: dict[str, tuple[str, Callable[[Platform], list[Row]]]] = {
    "push": ("Push to served", pushes),
    "rebuild": ("Building again (aim: at least 3 × as fast)", rebuilds),
    "neighbour": ("A build's neighbour", lambda platform: [Row(*found) for found in neighbour.rows(platform)]),
    "scale": ("Scale", scale_against_raw_copies),
    "api": ("Platform API", lambda platform: [Row(*found) for found in api.rows(api.latency(platform))]),
    "site": ("site.yml without changes", lambda platform: site_without_changes()),
    "router": ("Router", lambda platform: router()),
}


def by_hosts() -> None:
    """What a run of site.yml takes by number of hosts."""
    publish("site.yml by number of hosts", hosts.lines())


NAMED: dict[str, Callable[[], None]] = {"disks": deploys, "hosts": by_hosts}


def main(parts: list[str]) -> None:
    """Measure the parts one after the other, and publish each when it is measured."""
    for part in parts:
        heading, measure = PARTS[part]
        print(f"==> {heading}", file=sys.stderr, flush=True)
        publish(heading, table(measure(connect())))


if __name__ == "__main__":
    asked = sys.argv[1:]
    for word in asked:
        if word not in PARTS and word not in NAMED:
            raise SystemExit(f"{word} is not measured. There is: {', '.join([*PARTS, *NAMED])}.")
    for word in asked:
        if word in NAMED:
            print(f"==> {word}", file=sys.stderr, flush=True)
            NAMED[word]()
    main([word for word in asked if word in PARTS] if asked else list(PARTS))
