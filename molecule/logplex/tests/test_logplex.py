"""What role logplex promises: lines arrive over RELP with TLS, from hosts of the platform alone, and are in Redis."""

from __future__ import annotations

import subprocess
import time
from pathlib import Path

from testinfra.host import Host

CLI = "REDISCLI_AUTH=$(cat /etc/redis/hokku-password) redis-cli -s /run/redis/redis-server.sock"
TLS = "/etc/hokku/tls"
SECRETS = Path("/var/lib/hokku-lab/secrets-molecule")
SENDER = f"""
module(load="imfile")
module(load="omrelp" tls.tlslib="openssl")
input(type="imfile" file="/root/lines" tag="molecule" ruleset="out")
template(name="line" type="string" string="%msg%")
ruleset(name="out") {{
  action(type="omrelp" target="10.213.77.51" port="2514" template="line" tls="on" tls.authMode="name"
    tls.caCert="{TLS}/ca.crt" tls.myCert="{TLS}/host.crt" tls.myPrivKey="{TLS}/host.key" tls.permittedPeer=["mol1"])
}}
"""


def test_redis_has_no_port_in_clear(host: Host) -> None:
    assert not host.socket("tcp://0.0.0.0:6379").is_listening
    assert host.socket("tcp://0.0.0.0:6380").is_listening


def test_redis_answers_over_tls_to_who_has_the_password() -> None:
    secret = (SECRETS / "redis_password").read_text().strip()
    said = b"AUTH %b\r\nPING\r\nQUIT\r\n" % secret.encode()
    argv = ["openssl", "s_client", "-quiet", "-verify_return_error", "-CAfile", str(SECRETS / "ca.crt")]
    done = subprocess.run(
        [*argv, "-connect", "10.213.77.51:6380"], input=said, capture_output=True, timeout=30, check=False
    )
    assert done.stdout.split(b"\r\n")[:2] == [b"+OK", b"+PONG"], done.stderr[-500:]


def test_redis_tells_nothing_without_the_password(host: Host) -> None:
    assert "NOAUTH" in host.run("redis-cli -s /run/redis/redis-server.sock ping").stdout


def test_redis_is_bounded(host: Host) -> None:
    assert host.check_output(f"{CLI} config get maxmemory").split()[1] == str(512 * 1024**2)


def test_a_line_that_a_host_sends_over_relp_is_in_redis(host: Host) -> None:
    key = host.check_output("tail -n 1 /usr/local/lib/hokku/logplex-push").split()[-1]
    host.check_output(f"printf '%s' '{SENDER}' > /root/sender.conf; echo molecule-was-here > /root/lines")
    host.check_output("systemd-run --collect --unit=molecule-sender rsyslogd -n -i NONE -f /root/sender.conf")
    try:
        deadline = time.monotonic() + 30
        while "molecule-was-here" not in host.check_output(f"{CLI} lrange {key} 0 -1"):
            assert time.monotonic() < deadline, host.check_output(
                "journalctl --no-pager --lines=30 --unit=rsyslog.service --unit=molecule-sender.service"
            )
    finally:
        host.check_output("systemctl stop molecule-sender.service")


def test_a_stranger_is_not_let_in() -> None:
    argv = ["openssl", "s_client", "-quiet", "-no_ign_eof", "-CAfile", str(SECRETS / "ca.crt")]
    done = subprocess.run(
        [*argv, "-connect", "10.213.77.51:2514"], input=b"", capture_output=True, timeout=30, check=False
    )
    assert b"relp" not in done.stdout
