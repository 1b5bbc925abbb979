"""What role rsyslog promises: rsyslog with RELP, that comes back when it was killed."""

from __future__ import annotations

import time

from testinfra.host import Host


def test_rsyslog_speaks_relp(host: Host) -> None:
    assert host.package("rsyslog-relp").is_installed
    assert host.run("rsyslogd -N1 -f /etc/rsyslog.conf").rc == 0


def test_rsyslog_comes_back_when_it_was_killed(host: Host) -> None:
    before = host.check_output("systemctl show --value --property MainPID rsyslog.service")
    assert before != "0"
    host.check_output("systemctl kill --signal=KILL rsyslog.service")
    deadline = time.monotonic() + 30
    while (now := host.check_output("systemctl show --value --property MainPID rsyslog.service")) in (before, "0"):
        assert time.monotonic() < deadline, host.check_output("systemctl status rsyslog.service --no-pager || true")
    assert int(now) > 0
