"""What role pki promises: each host has the certificates that its groups need, and no other key."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest
from testinfra.host import Host

TLS = "/etc/hokku/tls"
SECRETS = Path("/var/lib/hokku-lab/secrets-molecule")


def test_the_host_certificate_is_signed_by_the_platforms_authority(host: Host) -> None:
    assert host.run(f"openssl verify -CAfile {TLS}/ca.crt {TLS}/host.crt").rc == 0


def test_the_host_certificate_is_good_for_the_hosts_name_and_address(host: Host) -> None:
    names = host.check_output(f"openssl x509 -noout -ext subjectAltName -in {TLS}/host.crt")
    assert "DNS:mol1" in names
    assert "IP Address:10.213.77.51" in names


def test_key_and_certificate_belong_together(host: Host) -> None:
    of_key = host.check_output(f"openssl pkey -in {TLS}/host.key -pubout")
    assert of_key == host.check_output(f"openssl x509 -noout -pubkey -in {TLS}/host.crt")


@pytest.mark.parametrize(
    ("name", "mode", "group"),
    [
        ("host.key", 0o640, "hokku"),
        ("manifold.key", 0o640, "hokku"),
        ("cluster.key", 0o600, "root"),
        ("apps.pem", 0o600, "root"),
    ],
)
def test_keys_are_read_by_those_who_need_them_alone(host: Host, name: str, mode: int, group: str) -> None:
    key = host.file(f"{TLS}/{name}")
    assert (key.mode, key.user, key.group) == (mode, "root", group)


def test_the_authoritys_key_stays_on_the_controller(host: Host) -> None:
    assert "ca.key" not in host.file(TLS).listdir()
    assert (SECRETS / "ca.key").exists()


def test_nobody_else_on_the_controller_reads_the_secrets() -> None:
    found = {path.name: stat.S_IMODE(path.stat().st_mode) for path in SECRETS.iterdir() if path.suffix != ".crt"}
    assert stat.S_IMODE(SECRETS.stat().st_mode) == 0o700
    assert {name: oct(mode) for name, mode in found.items() if mode & 0o077} == {}
