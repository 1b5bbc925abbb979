"""What role router promises: a router that the manifold alone commands, and that tells an app from none."""

from __future__ import annotations

import socket
import ssl
import time
from pathlib import Path
from uuid import UUID

import pytest
from testinfra.host import Host

from hokku.routing import AppRoutes, Endpoint, Mesh, RouteState
from hokku.settings import Host as Machine

ADDRESS = "10.213.77.51"
SECRETS = Path("/var/lib/hokku-lab/secrets-molecule")
APP, DYNO = UUID(int=1), UUID(int=2)
GET = "curl --silent --max-time 10 --header 'Host: {host}' {more} {url}"


def ask(host: Host, name: str, url: str = "http://127.0.0.1/", more: str = "") -> str:
    return host.run(GET.format(host=name, url=url, more=more)).stdout


def code_of(host: Host, name: str) -> str:
    shown = "--output /dev/null --write-out '%{http_code} %header{hokku-error-code}'"
    return ask(host, name, more=shown)


def test_a_router_that_was_told_nothing_says_so(host: Host) -> None:
    assert code_of(host, "nobody.apps.mol.test") == "503 H99"


def test_names_below_the_domain_are_served_with_a_certificate_that_is_good(host: Host) -> None:
    name = "shop.apps.mol.test"
    more = f"--cacert /etc/hokku/tls/ca.crt --resolve {name}:443:127.0.0.1 --write-out '%{{ssl_verify_result}}'"
    assert ask(host, name, f"https://{name}/", f"--output /dev/null {more}") == "0"


def said_by_runtime_api(context: ssl.SSLContext) -> bytes:
    """The first bytes of the answer to `show info`; raises ConnectionError when it closes without a word."""
    with socket.create_connection((ADDRESS, 9443), timeout=10) as way, context.wrap_socket(way) as secured:
        secured.sendall(b"show info\n")
        said = secured.recv(64)
    if not said:
        raise ConnectionError("closed without a word")
    return said


def test_who_is_not_the_manifold_does_not_command_it() -> None:
    context = ssl.create_default_context(cafile=str(SECRETS / "ca.crt"))
    context.check_hostname = False
    context.load_cert_chain(SECRETS / "mol1.crt", SECRETS / "mol1.key")
    with pytest.raises((ssl.SSLError, ConnectionError)):
        said_by_runtime_api(context)
    context.load_cert_chain(SECRETS / "manifold.crt", SECRETS / "manifold.key")
    assert said_by_runtime_api(context).startswith(b"Name: HAProxy")


def test_what_the_manifold_publishes_is_answered_by_its_dyno(host: Host) -> None:
    host.check_output("mkdir -p /srv/molecule && echo shop > /srv/molecule/index.html")
    host.check_output("systemd-run --unit=molecule-dyno --working-directory=/srv/molecule python3 -m http.server 20001")
    mesh = Mesh(
        [Machine(name="mol1", address=ADDRESS)],
        9443,
        SECRETS / "manifold.crt",
        SECRETS / "manifold.key",
        SECRETS / "ca.crt",
        100,
        30,
    )
    web = Endpoint(DYNO, "web.1", "mol1", ADDRESS, 20001)
    shop = AppRoutes(APP, "shop", "pool001", ("shop.apps.mol.test",), RouteState.SERVING, (web,))
    try:
        report = mesh.converge({APP: shop})
    finally:
        mesh.close()
    assert report.ok, report
    deadline = time.monotonic() + 30
    while (answer := ask(host, "shop.apps.mol.test").strip()) != "shop":
        assert time.monotonic() < deadline, answer
    assert code_of(host, "nobody.apps.mol.test") == "404 "


def test_its_routes_are_kept_over_a_restart(host: Host) -> None:
    host.check_output("systemctl restart haproxy.service")
    deadline = time.monotonic() + 30
    while (answer := ask(host, "shop.apps.mol.test").strip()) != "shop":
        assert time.monotonic() < deadline, answer
