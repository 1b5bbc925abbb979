"""The modules `key` and `key_info`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from ansible_collections.hokku.platform.plugins.module_utils import _ssh_keys
from cryptography.hazmat.primitives import serialization as form
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from fake_api import FakeApi, Refusal

from hokku.api import keys

WHERE = "/account/keys"


def line(private: Any) -> str:
    return private.public_key().public_bytes(form.Encoding.OpenSSH, form.PublicFormat.OpenSSH).decode()


MINE = ed25519.Ed25519PrivateKey.generate()
LINE = f"{line(MINE)} matsuo@example.com"
PRINT = keys.parse(LINE).fingerprint


def row(text: str = LINE) -> dict[str, Any]:
    parsed = keys.parse(text)
    return {
        "id": "id-1", "fingerprint": parsed.fingerprint, "comment": parsed.comment, "public_key": text,
        "created_at": "2026-01-01T12:00:00Z",
    }  # fmt: skip


def api(*lines: str) -> FakeApi:
    return FakeApi(
        {("GET", WHERE): [row(each) for each in lines], ("POST", WHERE): row(), ("DELETE", f"{WHERE}/id-1"): row()}
    )


def test_it_is_added_once_whatever_its_comment(run_module) -> None:
    nobody = api()
    result = run_module("key", nobody, public_key=f"{LINE}\n")
    assert nobody.changes == [("POST", WHERE, {"public_key": LINE})]
    assert (result["actions"], result["key"]["fingerprint"]) == ([f"key {PRINT} added"], PRINT)
    assert result["diff"] == {"before": {}, "after": {"key": PRINT}}
    there = api(LINE)
    assert run_module("key", there, public_key=f"{line(MINE)} another comment")["changed"] is False
    assert there.changes == []


def test_it_is_removed_once(run_module) -> None:
    there = api(LINE)
    assert run_module("key", there, public_key=LINE, state="absent")["changed"]
    assert there.changes == [("DELETE", f"{WHERE}/id-1", None)]
    assert not run_module("key", api(), public_key=LINE, state="absent")["changed"]


def test_check_mode_says_what_it_would_do_and_does_nothing(run_module) -> None:
    nobody = api()
    result = run_module("key", nobody, check=True, public_key=LINE)
    assert (result["changed"], result["actions"], nobody.changes) == (True, [f"key {PRINT} added"], [])


def test_a_refusal_is_told(run_module) -> None:
    nobody = api()
    nobody.answers["POST", WHERE] = Refusal(422, "This key is already in use by another account.")
    assert run_module("key", nobody, public_key=LINE)["msg"] == "This key is already in use by another account."


def test_a_private_key_is_neither_sent_nor_shown(run_module) -> None:
    secret = MINE.private_bytes(form.Encoding.PEM, form.PrivateFormat.OpenSSH, form.NoEncryption()).decode()
    untouched = FakeApi()
    result = run_module("key", untouched, public_key=secret)
    assert result["msg"].startswith("This is a private key.")
    assert untouched.asked == []
    assert not [part for part in secret.splitlines()[1:-1] if part in result.printed]


@pytest.mark.parametrize("wrong", ["", "ssh-ed25519", "ssh-dss AAAA", LINE[:40], f"{LINE}\n{LINE}", "ssh-ed25519 !!"])
def test_what_is_no_key_is_refused_before_anything_is_asked(run_module, wrong: str) -> None:
    untouched = FakeApi()
    assert "public_key is" in run_module("key", untouched, public_key=wrong)["msg"]
    assert untouched.asked == []


@pytest.mark.parametrize(
    "private", [MINE, rsa.generate_private_key(65537, 2048), ec.generate_private_key(ec.SECP384R1())]
)
def test_fingerprints_are_those_of_the_api(private: Any) -> None:
    assert _ssh_keys.fingerprint(line(private)) == keys.parse(line(private)).fingerprint


def test_the_module_knows_the_kinds_of_the_api() -> None:
    assert _ssh_keys.KINDS == keys._KINDS


def test_info_tells_them(run_module, tmp_path: Path) -> None:
    result = run_module("key_info", api(LINE))
    assert (result["keys"], result["changed"]) == ([row()], False)
