"""What role log_shipper promises: lines of dynos and routers are in the logplex' Redis, also those of its absence."""

from __future__ import annotations

import json
import time
from collections.abc import Callable

import pytest
from testinfra.host import Host

CLI = "REDISCLI_AUTH=$(cat /etc/redis/hokku-password) redis-cli -s /run/redis/redis-server.sock"


@pytest.fixture
def logplex(machine: Callable[[str], Host]) -> Host:
    return machine("mol1")


@pytest.fixture
def sender(machine: Callable[[str], Host]) -> Host:
    return machine("mol2")


def send(host: Host, address: str, port: int, message: str) -> None:
    """Send one octet-counted line to the host's rsyslog, as dyno-init and HAProxy do."""
    line = f"<190>1 2026-11-24T12:00:00.000000+00:00 - heroku 7 - - {message}"
    code = "import socket, sys; s = socket.create_connection((sys.argv[1], int(sys.argv[2])), 10); "
    code += "s.sendall(sys.argv[3].encode()); s.close()"
    host.check_output(f"python3 -c '{code}' {address} {port} '{len(line)} {line}'")


def arrived(logplex: Host, message: str, seconds: float = 60) -> dict[str, str]:
    """The line with `message` as it stands in Redis."""
    deadline = time.monotonic() + seconds
    while True:
        for line in logplex.check_output(f"{CLI} lrange logplex:in 0 -1").splitlines():
            if message in line:
                return json.loads(line[line.index("{") :])
        assert time.monotonic() < deadline, logplex.run("journalctl --lines=20 --unit=rsyslog.service").stdout


def test_a_line_of_a_dyno_arrives_with_the_address_it_came_from(sender: Host, logplex: Host) -> None:
    send(sender, "10.99.0.1", 1514, "from-a-dyno")
    line = arrived(logplex, "from-a-dyno")
    assert (line["k"], line["host"], line["addr"]) == ("dyno", "mol2", "10.99.0.1")


def test_a_line_of_the_router_arrives(sender: Host, logplex: Host) -> None:
    send(sender, "127.0.0.1", 1515, "from-the-router")
    line = arrived(logplex, "from-the-router")
    assert (line["k"], line["host"]) == ("router", "mol2")


def test_lines_that_come_while_the_logplex_is_away_are_not_lost(sender: Host, logplex: Host) -> None:
    logplex.check_output("systemctl stop rsyslog.service syslog.socket")
    try:
        send(sender, "10.99.0.1", 1514, "while-away")
    finally:
        logplex.check_output("systemctl start rsyslog.service")
    send(
        sender, "10.99.0.1", 1514, "back-again"
    )  # rsyslog sees with the next line that the connection is not the old one
    first, second = arrived(logplex, "while-away"), arrived(logplex, "back-again")
    assert int(first["seq"]) < int(second["seq"])


def test_nobody_outside_reaches_the_ports_that_take_lines(sender: Host) -> None:
    listening = sender.check_output("ss --tcp --listening --numeric --no-header")
    assert "10.99.0.1:1514" in listening
    assert "127.0.0.1:1515" in listening
    assert "0.0.0.0:151" not in listening
