"""The modules `key` and `key_info`."""

from __future__ import annotations

import base64
import hashlib
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization as form
from cryptography.hazmat.primitives.asymmetric import ed25519
from fake_api import FakeApi, Refusal

WHERE = "/account/keys"


def line(private: Any) -> str:
    return private.public_key().public_bytes(form.Encoding.OpenSSH, form.PublicFormat.OpenSSH).decode()


MINE = ed25519.Ed25519PrivateKey.generate()
LINE = f"{line(MINE)} matsuo@example.com"
BODY = base64.b64decode(LINE.split()[1])
PRINT = "SHA256:" + base64.b64encode(hashlib.sha256(BODY).digest()).decode().rstrip("=")


def row() -> dict[str, Any]:
    return {
        "id": "id-1", "fingerprint": PRINT, "comment": "matsuo@example.com", "public_key": LINE,
        "created_at": "2026-01-01T12:00:00Z",
    }  # fmt: skip


def api(there: bool = False) -> FakeApi:
    return FakeApi({("GET", WHERE): [row()] * there, ("POST", WHERE): row(), ("DELETE", f"{WHERE}/id-1"): row()})


def test_it_is_added_once_whatever_its_comment(run_module) -> None:
    nobody = api()
    result = run_module("key", nobody, public_key=f"{LINE}\n")
    assert nobody.changes == [("POST", WHERE, {"public_key": LINE})]
    assert (result["actions"], result["key"]["fingerprint"]) == ([f"key {PRINT} added"], PRINT)
    assert result["diff"] == {"before": {}, "after": {"key": PRINT}}
    there = api(there=True)
    assert run_module("key", there, public_key=f"{line(MINE)} another comment")["changed"] is False
    assert there.changes == []


def test_it_is_removed_once(run_module) -> None:
    there = api(there=True)
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


@pytest.mark.parametrize(
    "wrong",
    ["", "ssh-ed25519", "ssh-dss AAAA", LINE[:40], f"{LINE}\n{LINE}", "ssh-ed25519 !!"],
    ids=[
        "nothing",
        "a type alone",
        "a type that is none",
        "a part",
        "two lines",
        "no base64",
    ],  # the key is another each time
)
def test_what_is_no_key_is_refused_before_anything_is_asked(run_module, wrong: str) -> None:
    untouched = FakeApi()
    assert "public_key is" in run_module("key", untouched, public_key=wrong)["msg"]
    assert untouched.asked == []


def test_info_tells_them(run_module) -> None:
    result = run_module("key_info", api(there=True))
    assert (result["keys"], result["changed"]) == ([row()], False)
