"""What role control promises: the services run, the API answers the first account over TLS, and nobody else."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import pytest
from testinfra.host import Host

Ask = Callable[..., tuple[int, object]]
SERVICES = ("api", "manifold", "builder", "logplex", "courier", "rendezvous")


def test_the_first_account_is_answered(ask: Ask) -> None:
    status, account = ask("GET", "/account")
    assert status == 200
    assert isinstance(account, dict)
    assert account["email"] == "admin@example.com"


def test_nobody_else_is_answered(ask: Ask) -> None:
    assert ask("GET", "/account", token=None)[0] == 401
    assert ask("GET", "/account", token="not-the-token")[0] == 401


@pytest.mark.parametrize("service", SERVICES)
def test_the_service_is_enabled_and_runs_as_the_platforms_user(host: Host, service: str) -> None:
    unit = host.service(f"hokku-{service}.service")
    assert unit.is_enabled
    assert unit.is_running
    assert host.check_output(f"systemctl show --value --property User hokku-{service}.service") == "hokku"


def test_a_killed_api_comes_back(host: Host, ask: Ask) -> None:
    host.check_output("systemctl kill --signal=KILL hokku-api.service")
    deadline = time.monotonic() + 60
    while True:
        try:
            assert ask("GET", "/account")[0] == 200
            return
        except OSError:
            assert time.monotonic() < deadline, host.run("journalctl --lines=30 --unit=hokku-api.service").stdout


def test_secrets_are_read_by_the_services_alone(host: Host) -> None:
    folder = "/etc/hokku/secrets"
    assert sorted(host.file(folder).listdir()) == ["config_key", "git_token", "pgpass", "redis_password"]
    assert host.run(f"find {folder} -type f -perm /o=r").stdout == ""


def test_no_secret_is_in_the_journal(host: Host, secrets: Path) -> None:
    journal = host.run("journalctl --no-pager --output=cat").stdout
    for name in ("admin_token", "admin_password", "database_password", "redis_password", "config_key", "git_token"):
        assert (secrets / name).read_text().strip() not in journal, name
