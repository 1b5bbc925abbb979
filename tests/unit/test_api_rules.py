"""Rules of the API that need nothing but values."""

from __future__ import annotations

import subprocess

import pytest

from hokku.api import app_names, domains, keys, ranges
from hokku.api.rate import Buckets, RateLimited
from hokku.api.shape import size_name
from hokku.errors import InvalidParams
from hokku.release.cut import describe

FIELDS = ("version", "id")


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("", ranges.Range("version")),
        ("version ..; order=desc,max=1", ranges.Range("version", most=1, descending=True)),
        ("version ..; max=15, order=desc", ranges.Range("version", most=15, descending=True)),
        ("id ..; max=1000;", ranges.Range("id", most=1000)),
        ("version ]8..; order=desc,max=1", ranges.Range("version", "8", after=True, most=1, descending=True)),
        ("version 3..9[; max=5000", ranges.Range("version", "3", "9", before=True, most=1000)),
    ],
)
def test_a_range_is_read_as_heroku_clients_write_it(header, expected):
    assert ranges.parse(header, FIELDS) == expected


@pytest.mark.parametrize("header", ["bytes=0-10", "name ..", "version ..; max=0", "version ..; order=up", "version"])
def test_a_range_that_cannot_be_served_is_refused_with_what_can(header):
    with pytest.raises(ranges.BadRange):
        ranges.parse(header, FIELDS)


def test_a_range_survives_being_written_and_read():
    for header in ("version ]8..; order=desc,max=1", "id ..; max=200"):
        parsed = ranges.parse(header, FIELDS)
        assert ranges.parse(str(parsed), FIELDS) == parsed


def test_every_generated_name_is_a_valid_name():
    assert all(app_names.check(app_names.haiku()) for _ in range(500))


@pytest.mark.parametrize(
    ("given", "kept"), [("WWW.Example.com.", "www.example.com"), ("bücher.example", "xn--bcher-kva.example")]
)
def test_a_hostname_is_kept_as_routers_see_it(monkeypatch, given, kept):
    monkeypatch.setattr(domains, "settings", lambda: type("S", (), {"apps_domain": "apps.localhost"}))
    assert domains.check(given) == kept


@pytest.mark.parametrize(
    "given",
    [
        "",
        "com",
        "a b.com",
        "-a.com",
        "1.2.3.4",
        "x" * 64 + ".com",
        "*.com",
        "*",
        "*.*.a.com",
        "a.*.com",
        "*.apps.localhost",
        "evil.apps.localhost",
        "a.com\n.b",
    ],
)
def test_what_is_no_hostname_of_an_app_is_refused(monkeypatch, given):
    monkeypatch.setattr(domains, "settings", lambda: type("S", (), {"apps_domain": "apps.localhost"}))
    with pytest.raises(InvalidParams):
        domains.check(given)


@pytest.mark.parametrize("kind", ["ed25519", "rsa", "ecdsa"])
def test_a_fingerprint_is_what_ssh_keygen_prints(tmp_path, kind):
    subprocess.run(["ssh-keygen", "-q", "-t", kind, "-N", "", "-C", "me at home", "-f", tmp_path / "key"], check=True)
    printed = subprocess.run(["ssh-keygen", "-lf", tmp_path / "key.pub"], check=True, capture_output=True, text=True)
    parsed = keys.parse((tmp_path / "key.pub").read_text())
    assert parsed.fingerprint == printed.stdout.split()[1]
    assert parsed.comment == "me at home"
    with pytest.raises(InvalidParams, match="private key"):
        keys.parse((tmp_path / "key").read_text())


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("hello", "not an SSH public key"),
        ("", "not an SSH public key"),
        ('command="sh" ssh-ed25519 AAAA', "not an SSH public key"),
        ("ssh-ed25519 AAAA!", "damaged"),
        ("ssh-ed25519 AAAAC3NzaC1lZDI1NTE5", "damaged"),
        ("ssh-rsa x\nssh-rsa y", "not an SSH public key"),
    ],
)
def test_nonsense_is_no_key(text, words):
    with pytest.raises(InvalidParams, match=words):
        keys.parse(text)


def test_a_weak_rsa_key_is_refused(tmp_path):
    subprocess.run(["ssh-keygen", "-q", "-t", "rsa", "-b", "1024", "-N", "", "-f", tmp_path / "key"], check=True)
    with pytest.raises(InvalidParams, match="1024 bits"):
        keys.parse((tmp_path / "key.pub").read_text())


def test_a_bucket_empties_and_fills_again():
    buckets = Buckets(size=3600)
    assert buckets.take("a", at=0.0) == 3599
    for _ in range(3599):
        buckets.take("a", at=0.0)
    with pytest.raises(RateLimited):
        buckets.take("a", at=0.5)
    assert buckets.take("a", at=2.0) == 1
    assert buckets.take("b", at=2.0) == 3599


@pytest.mark.parametrize(
    ("before", "after", "text"),
    [
        ({}, {"A": "1", "B": "2"}, "Set A, B config vars"),
        ({"A": "1"}, {}, "Remove A config vars"),
        ({"A": "1", "C": "3"}, {"A": "2", "B": "2"}, "Set A, B and Remove C config vars"),
    ],
)
def test_a_change_of_config_vars_is_called_as_on_heroku(before, after, text):
    assert describe(before, after) == text


def test_sizes_are_called_as_on_heroku():
    assert [size_name(name) for name in ("eco", "standard-1x", "performance-l-ram", "performance-2xl")] == [
        "Eco",
        "Standard-1X",
        "Performance-L-RAM",
        "Performance-2XL",
    ]
