"""What a tenant's URL may be, and which addresses the platform lets itself be sent to."""

from __future__ import annotations

from ipaddress import ip_network

import pytest

from hokku.errors import InvalidParams
from hokku.outbound import guard
from hokku.outbound.url import parse
from hokku.settings import Host, Settings

SCHEMES = {"syslog": 601, "https": 443}
PUBLIC = ["8.8.8.8", "2a00:1450:4001:82a::200e", "::ffff:8.8.8.8", "100.128.0.1"]
NOT_PUBLIC = [
    *("0.0.0.0", "10.1.2.3", "100.64.0.1", "127.0.0.1", "127.9.9.9", "169.254.169.254", "172.16.0.1", "192.168.1.1"),
    *("192.0.0.8", "192.88.99.1", "192.0.2.1", "198.18.0.1", "198.51.100.7", "203.0.113.9", "224.0.0.1", "240.0.0.1"),
    *("255.255.255.255", "::", "::1", "::7f00:1", "::ffff:127.0.0.1", "::ffff:10.0.0.1", "fc00::1", "fd12::1"),
    *("fe80::1", "fe80::1%eth0", "ff02::1", "2001:db8::1", "2002:7f00:1::", "2001::1", "64:ff9b::7f00:1", "100::1"),
]


@pytest.fixture
def configured(monkeypatch):
    """Settings with the given values, for the guard."""

    def use(**values):
        monkeypatch.setattr(guard, "settings", lambda: Settings(**values))
        guard._owned.cache_clear()

    yield use
    guard._owned.cache_clear()


@pytest.mark.parametrize("address", PUBLIC)
def test_public_addresses_are_permitted(configured, address):
    configured()
    assert guard.permitted(address, 443)


@pytest.mark.parametrize("address", NOT_PUBLIC)
def test_private_loopback_link_local_multicast_and_reserved_addresses_are_not(configured, address):
    configured()
    assert not guard.permitted(address, 443)


def test_the_operator_may_allow_networks(configured):
    configured(outbound_allowed_networks=("10.1.0.0/16", "fd00::/8"))
    assert guard.permitted("10.1.2.3", 6514)
    assert guard.permitted("::ffff:10.1.2.3", 6514)
    assert guard.permitted("fd12::1", 6514)
    assert not guard.permitted("10.2.2.3", 6514)


def test_the_platforms_own_machines_are_not_but_for_the_routers_web_ports(configured):
    own = {"dyno_hosts": (Host(name="dyno1", address="8.8.4.1"),), "redis_url": "rediss://8.8.4.2:6380/0"}
    own |= {"routers": (Host(name="r1", address="8.8.4.3"), Host(name="r2", address="8.8.4.1"))}
    own |= {"database_url": "postgresql://hokku@control1:5432/hokku?hostaddr=8.8.4.4&sslmode=verify-full"}
    configured(**own)
    assert not any(guard.permitted(f"8.8.4.{each}", port) for each in (1, 2, 4) for port in (443, 6514))
    assert guard.permitted("8.8.4.3", 443)
    assert not guard.permitted("8.8.4.3", 9443)
    configured(**own, outbound_allowed_networks=("8.8.4.1/32",))
    assert guard.permitted("8.8.4.1", 22)


def test_a_host_is_refused_when_none_of_its_addresses_is_permitted(configured, monkeypatch):
    configured()
    monkeypatch.setattr(guard, "_look_up", lambda host, port: ["10.0.0.1", "8.8.8.8"])
    guard.check("logs.example.com", 443)
    monkeypatch.setattr(guard, "_look_up", lambda host, port: ["10.0.0.1", "127.0.0.1"])
    with pytest.raises(InvalidParams, match=r"^logs\.example\.com leads to a private or reserved address"):
        guard.check("logs.example.com", 443)


def test_other_ways_to_write_a_private_address_are_seen_through(configured):
    configured()
    for host in ("2130706433", "0x7f000001", "127.1", "localhost"):
        with pytest.raises(InvalidParams):
            guard.check(parse(f"https://{host}/", SCHEMES).host, 443)


def test_a_url_is_taken_apart():
    url = parse("https://us%40er:pa%3Ass@Logs.Example.COM:8443/in?key=1", SCHEMES)
    assert (url.host, url.port, url.path, url.user, url.password) == (
        *("logs.example.com", 8443, "/in?key=1"),
        *("us@er", "pa:ss"),
    )
    assert (url.authority, url.authorization) == ("logs.example.com:8443", "Basic dXNAZXI6cGE6c3M=")
    assert "pa:ss" not in repr(url)
    assert parse("syslog://[2a00::1]", SCHEMES).authority == "[2a00::1]"
    assert parse("syslog://logs.example.com", SCHEMES).port == 601


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "1 to 2048 characters"),
        ("https://x.example/" + "a" * 2048, "1 to 2048 characters"),
        ("x.example", "scheme"),
        ("ftp://x.example/", "Use one of syslog://, https://"),
        ("https://", "no host"),
        ("https:///path", "no host"),
        ("https://a b/", "space"),
        ("https://x.example\\@y.example/", "backslash"),
        ("https://x.example/\r\nHost: y", "control character"),
        ("https://x.example:0/", "port"),
        ("https://x.example:99999/", "port"),
        ("https://x..example/", "no host"),
        ("https://[::1/", "cannot be read"),
        ("https://x.example/ü", "ASCII"),
        ("https://bücher.example/", "ASCII"),
    ],
)
def test_a_bad_url_is_one_sentence_that_repeats_no_credentials(text, says):
    with pytest.raises(InvalidParams, match=says) as refused:
        parse(text.replace("://", "://user:hunter2@", 1), SCHEMES)
    assert "hunter2" not in str(refused.value)


def test_networks_are_read_from_the_settings():
    assert Settings(outbound_allowed_networks=["10.0.0.0/8"]).outbound_allowed_networks == (ip_network("10.0.0.0/8"),)
