"""`make bench`: measures the lab on this computer and writes the table docs/benchmarks.md.

Every figure stands beside its floor, measured in the same run. Nothing here is a test: figures vary with the computer.
`python -m tests.bench disks` deploys one app 200 times, for about an hour, and writes that section of the page alone.
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
from dataclasses import dataclass
from functools import partial
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests" / "acceptance"))

import disks  # noqa: E402
from lab_fixtures import lab_environment  # noqa: E402
from machines import instances_of, on  # noqa: E402
from platform_client import SAMPLE, App, Platform, wait_for  # noqa: E402

from tests.bench import api, neighbour  # noqa: E402

PHASES = ("receive", "build", "pack", "release", "place", "boot", "routed")
ROUNDS = 3
PAGE = ROOT / "docs" / "benchmarks.md"
DISKS = "## Many deploys of one app"


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


def push_to_served(platform: Platform, sample: Path, rounds: int) -> list[Row]:
    """First and second push of a sample, split by phase."""
    rows = []
    first: list[tuple[float, dict]] = []
    second: list[tuple[float, dict]] = []
    for _ in range(rounds):
        app = platform.create_app()
        repository = app.repository(sample)
        for kept in (first, second):
            pushed = app.push(repository)
            assert pushed.accepted, pushed.output
            kept.append((pushed.seconds, timings(app)))
            app.commit(repository, {"CHANGED": str(time.time())})
        app.destroy()
    for name, kept in (("first", first), ("second", second)):
        aim = "aim < 10 s" if sample == SAMPLE and kept is second else ""
        title = f"push to served, {name} push of samples/{sample.name}"
        rows.append(Row(title, seconds([total for total, _ in kept]), aim))
        for phase in PHASES:
            values = [split[phase] for _, split in kept if phase in split]
            rows.append(Row(f"— {phase}", seconds(values) if values else "not recorded"))
    built = [statistics.median(split.get("build", 0.0) for _, split in kept) for kept in (first, second)]
    if all(built):
        ratio = f"{built[0] / built[1]:.1f} × as fast"
        rows.append(
            Row(f"building samples/{sample.name} the second time", f"{built[1]:.2f} s", f"{built[0]:.2f} s", ratio)
        )
    return rows


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
    began = time.monotonic()
    done = subprocess.run(
        [str(Path(sys.executable).parent / "ansible-playbook"), "-i", "inventory/lab", "playbooks/site.yml"],
        cwd=ROOT, text=True, capture_output=True, check=False,
    )  # fmt: skip
    taken = time.monotonic() - began
    assert done.returncode == 0, done.stdout[-4000:]
    changed = sum(int(number) for number in re.findall(r"changed=(\d+)", done.stdout))
    return [Row("site.yml, nothing to change, six machines", f"{taken:.1f} s, changed={changed}", "aim < 60 s")]


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


def write(rows: list[Row]) -> None:
    """The table, with what the computer was."""
    memory = int(re.search(r"MemTotal:\s+(\d+)", Path("/proc/meminfo").read_text()).group(1)) // 2**20
    lines = [
        "# Benchmarks",
        "",
        "Written by `make bench`. Medians (lowest–highest) of "
        f"{ROUNDS} rounds on {os.cpu_count()} cores, {memory} GiB, Linux {computer.release()}, "
        f"{time.strftime('%Y-%m-%d')};",
        "the lab's six machines, their load and the client share this one computer: read the ratios.",
        "",
        "| what | measured | floor or aim, in the same run | ratio |",
        "|---|---|---|---|",
        *(f"| {row.what} | {row.figure} | {row.floor} | {row.ratio} |" for row in rows),
        "",
    ]
    print("\n".join(lines))
    _, heading, kept = PAGE.read_text().partition(DISKS)
    PAGE.write_text("\n".join(lines) + (f"\n{heading}{kept}" if heading else ""))


def write_disks(found: list[disks.Figures], keep: int) -> None:
    """The section of many deploys, in place of the one before."""
    lines = [
        DISKS,
        "",
        f"Written by `python -m tests.bench disks`, {time.strftime('%Y-%m-%d')}: pushes of a small Python app, each of "
        f"other content, on the lab; the newest {keep} releases can be rolled back to.",
        "Content stays ten minutes at least, so the last column is taken when that is over.",
        "",
        *disks.table(found),
        "",
    ]
    print("\n".join(lines))
    before, _, _ = PAGE.read_text().partition(DISKS)
    PAGE.write_text(f"{before.rstrip()}\n\n" + "\n".join(lines))


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
    write_disks(found, keep)
    if disks.APP is None:
        app.destroy()


def main() -> None:
    """Measure everything, one after the other."""
    platform = connect()
    rows: list[Row] = []
    for title, part in (
        *(
            (f"push to served: {path.name}", partial(push_to_served, platform, path, ROUNDS if path == SAMPLE else 1))
            for path in samples()
        ),
        ("a build's neighbour", lambda: [Row(*found) for found in neighbour.rows(platform)]),
        ("scale", lambda: scale_against_raw_copies(platform)),
        ("API", lambda: [Row(*found) for found in api.rows(api.latency(platform))]),
        ("site.yml without changes", site_without_changes),
        ("router", router),
    ):
        print(f"==> {title}", file=sys.stderr, flush=True)
        rows += part()
    write(rows)


if __name__ == "__main__":
    if sys.argv[1:] == ["disks"]:
        deploys()
    elif sys.argv[1:]:
        raise SystemExit(f"{sys.argv[1]} is not measured apart: say nothing, or disks")
    else:
        main()
