"""What an app with one dyno notices of a build on its host that wants all of the CPU, the disk and the processes.

`python -m tests.bench.neighbour` prints the rows; `make bench` has them in its table.
"""

from __future__ import annotations

import http.client
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests" / "acceptance"))

from buildpack_server import make, serve  # noqa: E402
from lab_fixtures import lab_environment  # noqa: E402
from machines import instances_of, listed  # noqa: E402
from platform_client import SAMPLE, App, Platform, wait_for  # noqa: E402

SECONDS = 20.0  # of each measurement
_MOVES = 6
PAUSE = 0.02  # seconds between two requests, so that the client is not what is measured
HUNGRY = """
echo "-----> it is hungry"
for n in 1 2 3 4; do (while :; do :; done) & done
for n in 1 2; do (while :; do dd if=/dev/zero of=/tmp/hungry$n bs=1M count=256 conv=fdatasync status=none; done) & done
sleep 300
"""


def latencies(app: App, seconds: float = SECONDS) -> list[float]:
    """Milliseconds of one request after the other on a connection that is kept, sorted; a failed one raises."""
    host, port = app.platform.routers[0].split(":")
    connection = http.client.HTTPConnection(host, int(port), timeout=40)
    taken = []
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        began = time.monotonic()
        connection.request("GET", "/", headers={"Host": app.host})
        answer = connection.getresponse()
        answer.read()
        assert answer.status == 200, answer.status
        taken.append((time.monotonic() - began) * 1000)
        time.sleep(PAUSE)
    connection.close()
    return sorted(taken)


def share(values: list[float], part: float) -> float:
    """The value below which so large a part of the sorted values is."""
    return values[min(len(values) - 1, int(len(values) * part))]


@contextmanager
def hungry_build(platform: Platform, url: str) -> Iterator[str]:
    """A build that takes what it gets, while the block runs; the host that it is on."""
    app = platform.create_app()
    app.call("PUT", "/buildpack-installations", {"updates": [{"buildpack": f"{url}/hungry.tgz"}]}, 200)
    thread = threading.Thread(target=app.push, args=(app.repository(SAMPLE),))
    thread.start()

    def hungry() -> str | None:
        for build in app.call("GET", "/builds").json():
            lines = app.call("GET", f"/builds/{build['id']}/result").json()["lines"]
            if any("it is hungry" in line["line"] for line in lines):
                return build["id"]
        return None

    try:
        build = wait_for("the build is hungry", hungry, 120)
        name = f"b-{build.replace('-', '')[:12]}"
        yield next(found["location"] for found in listed("dyno1", "list") if found["name"] == name)
    finally:
        for build in app.call("GET", "/builds").json():
            if build["status"] == "pending":
                app.call("DELETE", f"/builds/{build['id']}")
        thread.join(60)
        app.destroy()


def measure(platform: Platform) -> tuple[list[float], list[float], bool]:
    """Sorted milliseconds without and with the build, and whether the app had a dyno on the build's host."""
    app = platform.create_app()
    app.deploy(SAMPLE)
    app.scale(web=1)
    directory = Path(tempfile.mkdtemp(prefix="hokku-hungry-"))
    make(directory, "hungry", {"detect": "echo Hungry", "compile": HUNGRY})
    with serve(directory) as url, hungry_build(platform, url) as host:
        for _ in range(_MOVES):
            beside = host in {each["location"] for each in instances_of(app)}
            if beside:
                break
            app.scale(web=0)
            app.scale(web=1)  # it goes to where the least memory is taken: perhaps to the build's host now
        latencies(app, 3)  # warm
        loud = latencies(app)
    quiet = latencies(app)
    app.destroy()
    return quiet, loud, beside


def rows(platform: Platform) -> list[tuple[str, str, str, str]]:
    """Lines for the table of `make bench`: what, with the build, without it, ratio."""
    quiet, loud, beside = measure(platform)
    where = "on its host" if beside else "on another host"
    found = []
    for name, part in (("median", 0.5), ("p99", 0.99)):
        one, two = share(quiet, part), share(loud, part)
        found.append(
            (
                f"a request to an app with one dyno, {name}, while a build {where} wants all CPU and disk",
                f"{two:.1f} ms ({len(loud)} requests)",
                f"without the build: {one:.1f} ms ({len(quiet)} requests)",
                f"{two / one:.2f}",
            )
        )
    return found


if __name__ == "__main__":
    scratch = Path(tempfile.mkdtemp(prefix="hokku-bench-"))
    for row in rows(Platform.from_environment(scratch, lab_environment())):
        print(" | ".join(row))
