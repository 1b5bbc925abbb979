"""No secret leaves with `fab diagnose`: what looks like one is masked, and with one in it the file does not stay."""

from __future__ import annotations

import base64
import os
import stat
import tarfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runbooks.diagnose import prove, write
from runbooks.masking import MASK, leaks, masked, secrets
from runbooks.refusal import Refused

KEY = "-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEIB\nabcdefghijklmnopqrstuvwx\n-----END PRIVATE KEY-----"
UUID = "12345678-9abc-def0-1234-56789abcdef0"


@pytest.mark.parametrize(
    ("text", "secret"),
    [
        ("postgresql://hokku:hunter22@db/hokku", "hunter22"),
        ("redis_password = correct-horse", "correct-horse"),
        ('{"api_token": "s3cr3t-value", "x": 1}', "s3cr3t-value"),
        ("Authorization: Bearer abcdefghijkl", "abcdefghijkl"),
        ("authorization='Basic dXNlcjpwYXNz'", "dXNlcjpwYXNz"),
        ("curl -H 'X: bearer abcdefghijkl'", "abcdefghijkl"),
        ("Set-Cookie: session=abc; Path=/", "session=abc"),
        ("GET /streams/abcdefghijklmnopqrstuvwxyz012345?tail=true", "abcdefghijklmnopqrstuvwxyz012345"),
        ("rendezvous://localhost:5000/abcdefghijklmnopqrstuvwx", "abcdefghijklmnopqrstuvwx"),
        ("GET /x?upload_token=abc123&y=1", "abc123"),
        ("requirepass 0123456789abcdef0123", "0123456789abcdef0123"),
        (f"token HRKU-{UUID}", UUID),
        ("DATABASE_URL=postgres://x", "postgres://x"),
        ("  export SECRET_KEY_BASE=aaaa", "aaaa"),
        (f"before {KEY} after", "abcdefghijklmnopqrstuvwx"),
        (KEY[:60], "MC4CAQAwBQYDK2VwBCIEIB"),
    ],
)
def test_what_looks_like_a_secret_is_masked(text: str, secret: str) -> None:
    assert secret in text
    assert secret not in masked(text)
    assert MASK in masked(text)


@pytest.mark.parametrize(
    "text",
    [
        'redis_password_file = "/etc/hokku/secrets/redis_password"',
        'database_url = "postgresql://control1:5432/hokku?sslmode=verify-full"',
        f"app {UUID}: 1 slugs, status=200 service=3ms request_id={UUID}",
        "build_timeout = 900.0",
        "token_count: 12",
        "systemd[1]: Started hokku-api.service - Hokku Platform API.",
        "slug 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
    ],
)
def test_what_helps_and_is_no_secret_stays(text: str) -> None:
    assert masked(text) == text


@given(st.text(), st.text(min_size=8).filter(lambda text: MASK not in text and not set(text) <= set(MASK)))
def test_a_known_secret_never_stays(around: str, secret: str) -> None:
    assert secret not in masked(f"{around}{secret}{around}", [secret]).replace(MASK, "\0")


def folder(path: Path) -> Path:
    path.mkdir()
    (path / "admin_token").write_text(f"HOKK-{UUID}\n")
    (path / "ca.key").write_text(KEY)
    (path / "ca.crt").write_text("-----BEGIN CERTIFICATE-----\nPUBLICPUBLIC\n-----END CERTIFICATE-----\n")
    (path / "apps.pem").write_text(f"-----BEGIN CERTIFICATE-----\nPUBLICPUBLIC\n-----END CERTIFICATE-----\n{KEY}\n")
    (path / ".lock").write_text("")
    return path


def test_the_secrets_are_those_of_the_folder_in_every_form_and_certificates_are_none(tmp_path: Path) -> None:
    known = secrets(folder(tmp_path / "secrets"))
    assert set(known) == {"admin_token", "ca.key", "apps.pem"}
    assert not any("PUBLIC" in form for forms in known.values() for form in forms)
    token = f"HOKK-{UUID}".encode()
    for text in (token, base64.b64encode(b"x" * 0 + token), token.hex().encode()):
        assert leaks({"a.txt": b"before " + text + b" after"}, known) == [("a.txt", "admin_token")]
    assert {file for _, file in leaks({"a.txt": KEY.encode()}, known)} == {"ca.key", "apps.pem"}
    assert leaks({f"HOKK-{UUID}.txt": b""}, known) == [(f"HOKK-{UUID}.txt", "admin_token")]
    assert leaks({"a.txt": b"nothing", "b.txt": b"PUBLICPUBLIC"}, known) == []


def test_an_archive_is_its_owners_alone_and_writes_over_nothing(tmp_path: Path) -> None:
    target = tmp_path / "diagnose-1.tar.gz"
    before = os.umask(0)
    try:
        write(target, {"hosts/a/units.txt": b"all well\n"})
    finally:
        os.umask(before)
    assert stat.S_IMODE(target.stat().st_mode) == 0o600
    with tarfile.open(target) as archive:
        assert archive.getnames() == ["diagnose-1/hosts/a/units.txt"]
    with pytest.raises(Refused, match=r"cannot be written .*--output"):
        write(target, {})


def test_an_archive_with_a_secret_in_it_does_not_stay(tmp_path: Path) -> None:
    known = secrets(folder(tmp_path / "secrets"))
    target = tmp_path / "diagnose-1.tar.gz"
    write(target, {"good.txt": b"well", "bad.txt": f"it is HOKK-{UUID}".encode()})
    with pytest.raises(Refused, match=r"removed: admin_token \(in diagnose-1/bad\.txt\)") as refused:
        prove(target, known)
    assert UUID not in str(refused.value)
    assert not target.exists()
    write(target, {"good.txt": b"well"})
    prove(target, known)
    assert target.exists()
