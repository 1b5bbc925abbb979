"""What one run of site.yml makes of one bare machine: a platform, from the API to the router."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest
from testinfra.host import Host

Ask = Callable[..., tuple[int, object]]
UNITS = (
    *("postgresql@15-main", "redis-server", "rsyslog", "haproxy", "hokku-router-state", "lxd"),
    *("hokku-api", "hokku-manifold", "hokku-builder", "hokku-logplex", "hokku-courier", "hokku-rendezvous"),
)


@pytest.mark.parametrize("unit", UNITS)
def test_every_part_runs(host: Host, unit: str) -> None:
    assert host.service(f"{unit}.service").is_running


def test_an_app_that_the_api_makes_is_known_to_the_router(host: Host, ask: Ask) -> None:
    status, app = ask("POST", "/apps", {"name": "shop"})
    assert status == 201, app
    shown = "--output /dev/null --write-out '%{http_code} %header{hokku-error-code}'"
    asking = f"curl --silent --max-time 10 {shown} --header 'Host: shop.apps.mol.test' http://127.0.0.1/"
    deadline = time.monotonic() + 60
    while (answer := host.run(asking).stdout) != "503 H81":  # Heroku: blank app
        assert time.monotonic() < deadline, answer
    assert ask("DELETE", "/apps/shop")[0] == 200


def test_a_name_that_no_app_has_is_not_found(host: Host) -> None:
    shown = "--output /dev/null --write-out '%{http_code}'"
    asking = f"curl --silent --max-time 10 {shown} --header 'Host: nobody.apps.mol.test' http://127.0.0.1/"
    assert host.run(asking).stdout == "404"


def test_the_stacks_image_is_in_the_cluster(host: Host, ask: Ask) -> None:
    assert "hokku/debian-13" in host.check_output("lxc image alias list --format=csv")
    status, stacks = ask("GET", "/stacks")
    assert status == 200
    assert isinstance(stacks, list)
    assert [stack["name"] for stack in stacks] == ["debian-13"]
