"""What holds once a sender was added and Redis' memory changed: both are in force, and no line is lost."""

from __future__ import annotations

from testinfra.host import Host

CLI = "REDISCLI_AUTH=$(cat /etc/redis/hokku-password) redis-cli -s /run/redis/redis-server.sock"


def test_the_new_sender_is_let_in_by_name(host: Host) -> None:
    assert 'tls.permittedPeer=["mol1", "mol9"]' in host.file("/etc/rsyslog.d/30-hokku-receive.conf").content_string


def test_redis_runs_with_the_new_bound(host: Host) -> None:
    assert host.check_output(f"{CLI} config get maxmemory").split()[1] == str(128 * 1024**2)


def test_lines_that_had_arrived_are_still_there(host: Host) -> None:
    assert host.check_output(f"{CLI} lrange molecule:kept 0 -1") == "a line"


def test_rsyslog_was_restarted_with_the_new_sender(host: Host) -> None:
    written = int(host.check_output("stat --format=%Y /etc/rsyslog.d/30-hokku-receive.conf"))
    since = host.check_output("systemctl show --value --property ActiveEnterTimestamp rsyslog.service")
    assert int(host.check_output(f"date --date='{since}' +%s")) >= written
