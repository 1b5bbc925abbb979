"""What holds once a router got room for more applications under load: the room is there, and no request was lost."""

from __future__ import annotations

import time
from collections import Counter

from testinfra.host import Host


def answers(host: Host) -> Counter[str]:
    return Counter(host.file("/root/answers").content_string.splitlines())


def backends(host: Host) -> int:
    asked = 'import socket; s = socket.socket(socket.AF_UNIX); s.connect("/run/haproxy/router.sock"); '
    asked += 's.sendall(b"show backend\\n"); print(s.makefile().read())'
    return sum(line.startswith("pool") for line in host.check_output(f"python3 -c '{asked}'").splitlines())


def test_the_router_has_the_room_it_was_told_to_have(host: Host) -> None:
    assert backends(host) == 120


def test_it_was_reloaded_and_not_restarted(host: Host) -> None:
    before = host.file("/root/haproxy_before").content_string.strip()
    assert host.check_output("systemctl show --value --property MainPID haproxy.service") == before


def test_no_request_failed_while_it_changed(host: Host) -> None:
    seen = answers(host).total()
    deadline = time.monotonic() + 30
    while answers(host).total() < seen + 50:  # by the process that came after
        assert time.monotonic() < deadline, host.run("systemctl status molecule-load --no-pager").stdout
    host.check_output("systemctl stop molecule-load.service")
    found = answers(host)
    assert set(found) == {"200 "}, found
    assert found["200 "] > 100
