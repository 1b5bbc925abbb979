"""Latency of the Platform API on the lab, with 1,000 apps and 10,000 releases of others in its database.

What is measured and its floor (`GET /health`, which asks PostgreSQL and Redis whether they answer) take turns on one
kept connection, so that what else the computer does falls on all of them.
"""

from __future__ import annotations

import ssl
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
from machines import on
from platform_client import SAMPLE, App, Platform

from tests.bench import crowd

ROUNDS, WARM = 150, 15
_PROGRAM = Path(__file__).with_name("crowd.py")
_SIZES = ("standard-1X", "Basic")


@contextmanager
def crowded() -> Iterator[None]:
    """Others' apps in the lab's database, taken away again whatever happens."""
    _crowd("remove")
    try:
        _crowd("seed")
        yield
    finally:
        _crowd("remove")


def _crowd(what: str) -> None:
    program = ["/opt/hokku/venv/bin/python", "-c", _PROGRAM.read_text(), what]
    on("control1", "runuser", "-u", "hokku", "--", *program)


def latency(platform: Platform) -> dict[str, list[float]]:
    """Milliseconds of every request, by what was asked; the app has releases, config vars, and lines in its log."""
    app = platform.create_app()
    try:
        assert app.push(app.repository(SAMPLE)).accepted
        app.scale(web=0)  # a change of size is a change then, and starts nothing
        for number in range(crowd.RELEASES):
            app.call("PATCH", "/config-vars", {"NUMBER": str(number)}, 200)
        with crowded():
            return _measured(platform, app)
    finally:
        app.destroy()


def _measured(platform: Platform, app: App) -> dict[str, list[float]]:
    sizes = iter(_SIZES * ROUNDS * 2)
    asked: dict[str, Callable[[], httpx.Response]] = {
        "health": lambda: platform.call("GET", "/health", status=200),
        "info": lambda: app.call("GET", "", status=200),
        "config": lambda: app.call("GET", "/config-vars", status=200),
        "releases": lambda: app.call("GET", "/releases", status=200),
        "ps": lambda: app.call("GET", "/dynos", status=200),
        "log session": lambda: app.call("POST", "/log-sessions", {"lines": 100}, 201),
        "scale": lambda: app.call(
            "PATCH", "/formation", {"updates": [{"type": "web", "quantity": 0, "size": next(sizes)}]}, 200
        ),
    }
    taken: dict[str, list[float]] = {name: [] for name in (*asked, "logs")}
    with httpx.Client(verify=ssl.create_default_context(cafile=platform.ca)) as streams:  # as the CLI: no token there
        for number in range(ROUNDS + WARM):
            for name, ask in asked.items():
                began = time.perf_counter()
                answer = ask()
                spent = time.perf_counter() - began
                if number >= WARM:
                    taken[name].append(spent * 1000)
                if name == "log session":
                    lines = streams.get(answer.json()["logplex_url"], headers={"Accept": "text/event-stream"})
                    assert "app[api]" in lines.text
                    if number >= WARM:
                        taken["logs"].append((time.perf_counter() - began) * 1000)
    return taken


def percentile(values: list[float], part: float) -> float:
    """The value that `part` of the values do not exceed."""
    return statistics.quantiles(values, n=1000, method="inclusive")[round(part * 1000) - 1]


def rows(taken: dict[str, list[float]]) -> list[tuple[str, str, str, str]]:
    """Lines of the table: what, p50 and p99, the floor's, and the ratio of both p50."""

    def told(name: str) -> str:
        return f"p50 {percentile(taken[name], 0.5):.1f} ms, p99 {percentile(taken[name], 0.99):.1f} ms"

    names = {
        "info": "API with 1,000 apps, 10,000 releases: info (`GET /apps/A`)",
        "config": "— config (`GET /apps/A/config-vars`)",
        "releases": "— releases (`GET /apps/A/releases`)",
        "ps": "— ps (`GET /apps/A/dynos`)",
        "scale": "— scale (`PATCH /apps/A/formation`, a change of size)",
        "log session": "— logs: the session (`POST /apps/A/log-sessions`)",
        "logs": "— logs: session and its lines",
    }
    floor = statistics.median(taken["health"])
    aimed = {"info", "config", "releases", "ps", "log session"}
    return [
        (
            text,
            told(name),
            f"`GET /health`: {told('health')}" if name == "info" else "",
            f"{statistics.median(taken[name]) / floor:.1f}" + (" (aim: p50 < 20 ms)" if name in aimed else ""),
        )
        for name, text in names.items()
    ]


if __name__ == "__main__":
    from tests.bench.__main__ import connect

    for row in rows(latency(connect())):
        print(" | ".join(row))
    sys.exit(0)
