"""Modules check what the API checks: `plugins/` imports nothing of `hokku/`, so that it is said twice."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any
from unittest import mock

import pytest
from ansible_collections.hokku.platform.plugins.module_utils import (
    _domains,
    _drains,
    _formation,
    _people,
    _ssh_keys,
)
from ansible_collections.hokku.platform.plugins.module_utils._api import ApiError
from ansible_collections.hokku.platform.plugins.modules import account, drain
from cryptography.hazmat.primitives import serialization as form
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from hypothesis import given, settings
from hypothesis import strategies as st

import hokku.api.account
import hokku.api.formation
from hokku.api import domains, keys, log_drains
from hokku.errors import InvalidParams
from hokku.logplex.drains import SCHEMES
from hokku.outbound import url

HOSTNAMES = st.from_regex(r"\A(\*\.)?[a-zA-Z0-9ü-]{0,4}(\.[a-zA-Z0-9-]{1,4}){0,3}\.?\Z")
URLS = st.from_regex(
    r"\A(syslog|syslog\+tls|https?|ftp|)://([a-z:%]{0,5}@)?[a-z0-9.\[:\]_-]{0,12}(:[0-9]{0,5})?(/[!-~]*)?\Z"
)
PRIVATE_KEYS = {
    "ed25519": ed25519.Ed25519PrivateKey.generate,
    "rsa": lambda: rsa.generate_private_key(65537, 2048),
    "ecdsa": lambda: ec.generate_private_key(ec.SECP384R1()),
}


def read(by: Any, *arguments: Any) -> Any:
    """What is read, or None for what is refused."""
    try:
        return by(*arguments)
    except (ApiError, InvalidParams):
        return None


@settings(max_examples=300, deadline=None)
@given(st.one_of(st.text(max_size=20), HOSTNAMES))
def test_hostnames_are_read_alike(text: str) -> None:
    with mock.patch.object(domains, "settings", return_value=SimpleNamespace(apps_domain="apps.example.net")):
        assert read(_domains.hostname, text) == read(domains.check, text)


def test_as_many_dynos_of_a_type_are_accepted() -> None:
    assert hokku.api.formation.MOST == _formation.MOST


@settings(max_examples=300, deadline=None)
@given(st.one_of(st.text(max_size=30), URLS))
def test_drain_urls_are_refused_alike_and_told_by_their_host(text: str) -> None:
    parsed = read(url.parse, text, SCHEMES)
    assert (read(_drains.checked, text) is None) == (parsed is None)
    if parsed is not None and ":" not in parsed.host:
        assert _drains.where(text) == f"{parsed.host}:{parsed.port} ({parsed.scheme})"


@settings(max_examples=200, deadline=None)
@given(st.one_of(st.text(max_size=20), st.from_regex(r"\A[a-zA-Z+. ]{0,4}@[a-z.-]{0,5}\Z")))
def test_emails_are_refused_alike(text: str) -> None:
    accepted = hokku.api.account.EMAIL.fullmatch(text.strip()) is not None
    assert (read(_people.email, text) is not None) == accepted


@pytest.mark.parametrize("kind", PRIVATE_KEYS)
def test_fingerprints_of_ssh_keys_are_the_same(kind: str) -> None:
    public = PRIVATE_KEYS[kind]().public_key()
    line = public.public_bytes(form.Encoding.OpenSSH, form.PublicFormat.OpenSSH).decode()
    assert _ssh_keys.fingerprint(line) == keys.parse(line).fingerprint
    for cut in (40, len(line) - 4):
        assert (read(_ssh_keys.fingerprint, line[:cut]), read(keys.parse, line[:cut])) == (None, None)


def test_limits_and_kinds_are_the_same() -> None:
    assert (drain.MOST, _drains.PORTS, _drains.LONGEST) == (log_drains.MOST, SCHEMES, url.MOST)
    assert account.SHORTEST == hokku.api.account.SHORTEST_PASSWORD
    assert keys._KINDS == _ssh_keys.KINDS
