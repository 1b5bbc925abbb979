"""Many deploys of one app, and what the lab's disks hold meanwhile. HOKKU_DEPLOYS says how many (200).

With HOKKU_DEPLOYS_APP the app of that name is used, made where it is not there and left afterwards: a run that was
broken off goes on where it was.
"""

from __future__ import annotations

import os
import re
import statistics
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from machines import instances_of, on
from platform_client import App, Platform, wait_for
from sources import web

from lab.catalogue import default_machines

DEPLOYS = int(os.environ.get("HOKKU_DEPLOYS", "200"))
EVERY = max(1, DEPLOYS // 4)  # deploys between two measurements
APP = os.environ.get("HOKKU_DEPLOYS_APP")
GRACE = 600  # seconds that content stays in the store after it was written (hokku.store.garbage)
SWEEP = 60  # seconds between two sweeps of a builder
MACHINES = tuple(machine.name for machine in default_machines())
DYNO_HOSTS = tuple(name for name in MACHINES if name.startswith("dyno"))
_FIRST = 3  # version of an app's first deploy


@dataclass(frozen=True)
class Figures:
    """What there is after so many deploys. Sizes are MiB; numbers of things are the app's, but for `images`."""

    deploys: int
    push_seconds: float  # median of the last ten
    slugs: int
    slug_store: float
    repository: float
    sources: float
    database: float
    dynos: int
    templates: int
    builds: int
    images: int
    pools: float
    members: float
    logs: float
    journals: float


HEADS = {
    "deploys": "deploys",
    "push_seconds": "a push, s",
    "slugs": "slugs kept",
    "slug_store": "slug store, MiB",
    "repository": "git repository, MiB",
    "sources": "sources and caches, MiB",
    "database": "database, MiB",
    "dynos": "dynos",
    "templates": "templates",
    "builds": "build containers",
    "images": "images",
    "pools": "containers and images, MiB",
    "members": "LXD's database, MiB",
    "logs": "/var/log, MiB",
    "journals": "journals, MiB",
}


def app_of(platform: Platform) -> tuple[App, Path]:
    """The app and a repository whose `main` is what it serves."""
    name = APP or f"disks-{int(time.time()):x}"
    if platform.call("GET", f"/apps/{name}").status_code != 200:
        app = platform.create_app(name)
        return app, app.repository(web("0"))
    app = App(platform, name)
    if not app.call("GET", "/builds", status=200).json():
        return app, app.repository(web("0"))
    directory = Path(tempfile.mkdtemp(prefix="disks-", dir=platform.scratch))
    platform.git(directory, "clone", "-q", app.remote("https"), "again")
    return app, directory / "again"


def deploy(app: App, repository: Path, until: int = DEPLOYS) -> Iterator[Figures]:
    """Push until there were so many deploys, each of other content; the figures after each EVERY and at the end."""
    done = max((each["version"] for each in app.releases()), default=0) - _FIRST + 1
    taken: list[float] = []
    for number in range(max(0, done) + 1, until + 1):
        app.commit(repository, web(str(number)))
        pushed = app.push(repository)
        assert pushed.accepted, f"deploy {number}: {pushed.output}"
        taken.append(pushed.seconds)
        if number % EVERY == 0 or number in (1, until):
            wait_for("one dyno, and no container of a build", lambda: quiet(app), 120)
            yield measure(app, number, statistics.median(taken[-10:]))


def quiet(app: App) -> bool:
    """Whether nothing but one dyno of the app runs, and no build."""
    return len(instances_of(app)) == 1 and not _builds()


def _builds() -> list[str]:
    config = "user.hokku.kind=build"
    return on(DYNO_HOSTS[0], "lxc", "list", config, "--format", "csv", "--columns", "n").split()


def measure(app: App, deploys: int, push_seconds: float) -> Figures:
    """What there is now."""
    app_id = app.call("GET", status=200).json()["id"]
    return Figures(
        deploys=deploys,
        push_seconds=round(push_seconds, 1),
        slugs=len(contents(app)),
        slug_store=_disk("control1", "/srv/hokku/slugs"),
        repository=_disk("control1", f"/srv/hokku/git/{app_id}.git"),
        sources=_disk("control1", "/srv/hokku/sources"),
        database=_mib(int(query("select pg_database_size('hokku')"))),
        dynos=len(instances_of(app)),
        templates=len(instances_of(app, kind="template")),
        builds=len(_builds()),
        images=len(on(DYNO_HOSTS[0], "lxc", "image", "list", "--format", "csv", "--columns", "f").split()),
        pools=round(sum(_pool(host) for host in DYNO_HOSTS), 1),
        members=round(sum(_disk(host, "/var/lib/lxd/database") for host in DYNO_HOSTS), 1),
        logs=round(sum(_disk(name, "/var/log", "--exclude=journal") for name in MACHINES), 1),
        journals=round(sum(_journal(name) for name in MACHINES), 1),
    )


def query(sql: str) -> str:
    """What the platform's database answers, a line for each row. The text is this file's own."""
    return on("control1", "runuser", "-u", "postgres", "--", "psql", "-At", "-c", sql, "hokku").strip()


def contents(app: App) -> list[str]:
    """The files of the slug store that the app's slugs name and that are there."""
    app_id = app.call("GET", status=200).json()["id"]
    named = query(f"select distinct sha256 from slugs where app_id = '{app_id}' and sha256 is not null").split()
    there = set(on("control1", "ls", "/srv/hokku/slugs").split())
    return [f"{sha256}.tar.zst" for sha256 in named if f"{sha256}.tar.zst" in there]


def largest(app: App) -> float:
    """MiB of the app's largest slug, in whole blocks of the file system."""
    app_id = app.call("GET", status=200).json()["id"]
    return int(query(f"select max(size) from slugs where app_id = '{app_id}'")) / 2**20 + 4096 / 2**20


def settled(app: App) -> bool:
    """Whether each dyno host has three templates of the app at most: of what runs, ran before, and is to run."""
    return len(instances_of(app, kind="template")) <= 3 * len(DYNO_HOSTS)


def retention() -> int:
    """How many releases of an app can be rolled back to, as the platform is set."""
    found = re.search(r"^release_retention = (\d+)$", on("control1", "cat", "/etc/hokku/hokku.toml"), re.MULTILINE)
    assert found, "release_retention is not in hokku.toml: run `make deploy`"
    return int(found[1])


def _disk(machine: str, path: str, *options: str) -> float:
    return _mib(1024 * int(on(machine, "sh", "-c", 'du -sk "$@" 2>/dev/null || :', "sh", *options, path).split()[0]))


def _pool(host: str) -> float:
    """MiB of the host's own containers, templates and images, what they share counted once.

    What LXD tells of a pool is the whole file system, which the lab's hosts share with all that is on the computer.
    """
    told = on(host, "btrfs", "filesystem", "du", "--summarize", "--raw", "/var/lib/lxd/storage-pools/hokku")
    _, exclusive, shared, _ = told.splitlines()[-1].split()
    return _mib(int(exclusive) + int(shared))


def _journal(machine: str) -> float:
    found = re.search(r"take up ([\d.]+)([BKMG])", on(machine, "journalctl", "--disk-usage"))
    assert found, f"{machine}: journalctl does not say how much disk it takes"
    return float(found[1]) * {"B": 1 / 2**20, "K": 1 / 1024, "M": 1, "G": 1024}[found[2]]


def _mib(size: int) -> float:
    return round(size / 2**20, 1)


def table(found: list[Figures]) -> list[str]:
    """The figures as a table in Markdown, a column for each measurement."""
    rows = [
        f"| {head} | " + " | ".join(str(getattr(each, key)) for each in found) + " |" for key, head in HEADS.items()
    ]
    return [rows[0], "|---" * (len(found) + 1) + "|", *rows[1:]]
