"""The small modules that roles use: what they decide, by values."""

from __future__ import annotations

import base64
import hashlib
import hmac
from pathlib import Path

import pytest
from ansible_collections.hokku.platform.plugins.modules import files, postgresql_tenant, units, venv, wheel


def test_a_verifier_proves_the_exchange_that_rfc_7677_gives() -> None:
    salt = base64.b64decode("W22ZaJ0SNY7soEsUEjb6gQ==")
    stored, server = postgresql_tenant.verifier("pencil", salt, 4096).split("$")[2].split(":")
    message = (
        b"n=user,r=rOprNGfwEbeRWgbNEkqO,"
        b"r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096,"
        b"c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0"
    )
    proof = base64.b64decode("dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=")
    signature = hmac.digest(base64.b64decode(stored), message, "sha256")
    client_key = bytes(a ^ b for a, b in zip(proof, signature, strict=True))
    assert base64.b64encode(hashlib.sha256(client_key).digest()).decode() == stored
    server_signature = base64.b64encode(hmac.digest(base64.b64decode(server), message, "sha256")).decode()
    assert server_signature == "6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4="


@pytest.mark.parametrize("stored", ["", "md5abc", "SCRAM-SHA-256$x", "SCRAM-SHA-256$4096:AAAA$AAAA:AAAA"])
def test_any_other_stored_password_does_not_match(stored: str) -> None:
    assert not postgresql_tenant.matches(stored, "pencil")


def test_a_password_matches_its_own_verifier_and_no_other() -> None:
    stored = postgresql_tenant.verifier("right", b"0123456789abcdef")
    assert postgresql_tenant.matches(stored, "right")
    assert not postgresql_tenant.matches(stored, "wrong")


def test_names_are_quoted_for_sql() -> None:
    assert postgresql_tenant.identifier('a"b') == '"a""b"'
    assert postgresql_tenant.literal("a'b") == "'a''b'"


NOTE = {"python": "3.11", "lock": "a", "wheel": "b"}


@pytest.mark.parametrize(
    ("has", "steps"),
    [
        ({}, ["new", "packages", "wheel"]),
        (NOTE, []),
        ({**NOTE, "python": "3.10"}, ["new", "packages", "wheel"]),
        ({**NOTE, "lock": "x"}, ["packages"]),
        ({**NOTE, "wheel": "x"}, ["wheel"]),
    ],
)
def test_only_what_differs_is_installed(has: dict, steps: list[str]) -> None:
    assert venv.plan(has, NOTE) == steps


def test_a_broken_note_counts_as_nothing_installed(tmp_path: Path) -> None:
    (tmp_path / "installed.json").write_text("{")
    assert venv.installed(str(tmp_path)) == {}


def test_the_package_is_known_by_its_content_alone(tmp_path: Path) -> None:
    (tmp_path / "hokku").mkdir()
    (tmp_path / "hokku" / "a.py").write_text("1")
    first = wheel.digest(tmp_path, wheel.package_files(tmp_path, ["hokku"]))
    (tmp_path / "hokku" / "__pycache__").mkdir()
    (tmp_path / "hokku" / "__pycache__" / "a.cpython-311.pyc").write_text("x")
    assert wheel.digest(tmp_path, wheel.package_files(tmp_path, ["hokku"])) == first
    (tmp_path / "hokku" / "a.py").write_text("2")
    assert wheel.digest(tmp_path, wheel.package_files(tmp_path, ["hokku"])) != first


def test_units_are_read_from_what_systemctl_shows() -> None:
    text = "Id=a.service\nActiveState=active\n\nId=b.service\nActiveState=failed\n"
    assert {name: unit["ActiveState"] for name, unit in units.parse(text).items()} == {
        "a.service": "active",
        "b.service": "failed",
    }


def test_a_file_differs_by_content_or_absence(tmp_path: Path) -> None:
    path = tmp_path / "file"
    assert files.differs(str(path), b"x")
    path.write_bytes(b"x")
    assert not files.differs(str(path), b"x")
    assert files.differs(str(path), b"y")
    assert files.differs(str(path / "under"), b"y")


HOSTS = "127.0.0.1 localhost\n# BEGIN hosts\n10.0.0.1 a\n# END hosts\n10.9.9.9 mine\n"


@pytest.mark.parametrize(
    ("text", "content", "made"),
    [
        ("", "10.0.0.1 a\n", "# BEGIN hosts\n10.0.0.1 a\n# END hosts\n"),
        ("127.0.0.1 localhost", "10.0.0.1 a", "127.0.0.1 localhost\n# BEGIN hosts\n10.0.0.1 a\n# END hosts\n"),
        (HOSTS, "10.0.0.1 a\n", HOSTS),
        (HOSTS, "10.0.0.2 a\n10.0.0.3 b\n", HOSTS.replace("10.0.0.1 a", "10.0.0.2 a\n10.0.0.3 b")),
        ("# END hosts\nx\n# BEGIN hosts\ny\n", "z", "x\ny\n# BEGIN hosts\nz\n# END hosts\n"),
    ],
)
def test_a_block_stands_between_its_lines_and_all_others_stay(text: str, content: str, made: str) -> None:
    assert files.with_block(text, "hosts", content) == made
    assert files.with_block(made, "hosts", content) == made


def test_groups_that_are_there_are_not_made() -> None:
    assert files.lacking(["root", "no-such-group"]) == ["no-such-group"]
