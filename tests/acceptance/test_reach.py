"""What a dyno reaches: the internet, and apps as everybody does; nothing else of the platform (promise 11)."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from platform_client import App, Platform
from reach import PROBE, ROUTER
from sources import web
from terminal import run

# Asks the router whose address is the first argument for the pages of hosts, which are the others.
_ASK = """
import http.client, sys
for host in sys.argv[2:]:
    connection = http.client.HTTPConnection(sys.argv[1], timeout=10)
    connection.request("GET", "/", headers={"Host": host})
    answer = connection.getresponse()
    print(answer.status, answer.read().decode(), flush=True)
"""


@pytest.fixture(scope="module")
def apps(platform: Platform) -> Iterator[tuple[App, App]]:
    """Two apps that serve, both with the programs."""
    made = platform.create_app(), platform.create_app()
    for app, mark in zip(made, ("mine", "theirs"), strict=True):
        app.deploy(web(mark, **{"probe.py": PROBE, "ask.py": _ASK}))
    yield made
    for app in made:
        app.destroy()


def test_a_dyno_reaches_its_own_app_and_others_by_their_public_address(apps: tuple[App, App]) -> None:
    _, client = run(apps[0], f"python ask.py {ROUTER} {apps[0].host} {apps[1].host}")
    assert client.rest().splitlines() == ["200 mine web.1", "200 theirs web.1"]


def test_a_dyno_reaches_nothing_of_the_platform_but_the_routers_public_ports(apps: tuple[App, App]) -> None:
    _, client = run(apps[0], "python probe.py")
    assert client.rest().splitlines() == [f"REACHED {ROUTER} 80", f"REACHED {ROUTER} 443", "PROBED"]
