"""What role database promises: PostgreSQL over TLS, for the platform's hosts and user alone."""

from __future__ import annotations

import time
from pathlib import Path

from testinfra.host import Host

PASSWORD = Path("/var/lib/hokku-lab/secrets-molecule/database_password")
URL = "postgresql://hokku@10.213.77.51:5432/hokku?sslmode=verify-ca&sslrootcert=/etc/hokku/tls/ca.crt"


def query(host: Host, sql: str, url: str = URL, password: str | None = None) -> str:
    """What psql prints for `sql` as the platform's user; the password goes over standard input."""
    secret = PASSWORD.read_text().strip() if password is None else password
    line = f"PGPASSWORD=$(cat) psql -XAt '{url}' -c \"{sql}\" 2>&1 || true"
    return host.run(f"echo '{secret}' | ({line})").stdout.strip()


def test_the_platforms_user_comes_in_over_tls(host: Host) -> None:
    assert query(host, "select current_user, ssl from pg_stat_ssl where pid = pg_backend_pid()") == "hokku|t"


def test_nobody_comes_in_without_tls(host: Host) -> None:
    assert "no encryption" in query(host, "select 1", URL.replace("verify-ca", "disable"))


def test_a_wrong_password_is_refused(host: Host) -> None:
    assert "password authentication failed" in query(host, "select 1", password="wrong")


def test_the_server_knows_the_passwords_verifier_alone(host: Host) -> None:
    shown = host.check_output(
        "runuser -u postgres -- psql -XAt -c \"select rolpassword from pg_authid where rolname='hokku'\""
    )
    assert shown.startswith("SCRAM-SHA-256$")


def test_an_answered_commit_survives_a_power_cut(host: Host) -> None:
    assert query(host, "show fsync") == "on"
    assert query(host, "show synchronous_commit") == "on"


def test_postgresql_comes_back_when_it_was_killed(host: Host) -> None:
    unit = "postgresql@15-main.service"
    host.check_output(f"systemctl kill --signal=KILL {unit}")
    deadline = time.monotonic() + 60
    while query(host, "select 1") != "1":
        assert time.monotonic() < deadline, host.check_output(f"systemctl status {unit} --no-pager || true")
