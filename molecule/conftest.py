"""What the tests of several scenarios need: a machine by its name, the platform's secrets, the API."""

from __future__ import annotations

import http.client
import json
import socket
import ssl
from collections.abc import Callable
from pathlib import Path

import pytest
import testinfra
from testinfra.host import Host

ADDRESS, NAME, PORT = "10.213.77.51", "api.mol.test", 5443
Ask = Callable[..., tuple[int, object]]


@pytest.fixture(scope="session")
def secrets() -> Path:
    """The platform's secrets on this computer (hokku_secrets_dir of molecule/shared/inventory)."""
    return Path("/var/lib/hokku-lab/secrets-molecule")


@pytest.fixture
def machine(request: pytest.FixtureRequest) -> Callable[[str], Host]:
    """`machine("mol2")`, for tests that are not about each host of the scenario."""
    inventory = request.config.getoption("--ansible-inventory")
    return lambda name: testinfra.get_host(f"ansible://{name}", ansible_inventory=inventory)


@pytest.fixture
def ask(secrets: Path) -> Ask:
    """`ask("GET", "/apps")`: status and answer of mol1's API, over TLS by the name in its certificate.

    The token is the first account's unless another is given; None gives none.
    """
    first = (secrets / "admin_token").read_text().strip()
    context = ssl.create_default_context(cafile=str(secrets / "ca.crt"))

    def call(method: str, path: str, body: object = None, *, token: str | None = first) -> tuple[int, object]:
        connection = http.client.HTTPSConnection(NAME, PORT, timeout=20)
        connection.sock = context.wrap_socket(
            socket.create_connection((ADDRESS, PORT), timeout=20), server_hostname=NAME
        )
        headers = {"Accept": "application/vnd.heroku+json; version=3", "Content-Type": "application/json"}
        if token is not None:
            headers["Authorization"] = f"Bearer {token}"
        try:
            connection.request(method, path, None if body is None else json.dumps(body), headers)
            answer = connection.getresponse()
            return answer.status, json.loads(answer.read() or b"null")
        finally:
            connection.close()

    return call
