"""The modules `certificate` and `certificate_info`, with certificates and keys that OpenSSL reads."""

from __future__ import annotations

import datetime
import uuid
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.hokku.platform.plugins.module_utils import _certificates
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import NameOID
from fake_api import FakeApi, Refusal

WHERE, DOMAINS = "/apps/shop/sni-endpoints", "/apps/shop/domains"
WWW, ART = "www.example.com", "art.example.com"
KEYS = {"ec": lambda: ec.generate_private_key(ec.SECP256R1()), "rsa": lambda: rsa.generate_private_key(65537, 2048)}


@cache
def pair(number: int, kind: str = "ec", passphrase: bytes | None = None) -> tuple[str, str]:
    """A self-signed certificate and its key, in PEM; another one for each number."""
    key = KEYS[kind]()
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"{number}.example.com")])
    now = datetime.datetime.now(datetime.UTC)
    built = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    built = built.serial_number(x509.random_serial_number()).not_valid_before(now)
    made = built.not_valid_after(now + datetime.timedelta(days=9)).sign(key, hashes.SHA256())
    sealed = serialization.BestAvailableEncryption(passphrase) if passphrase else serialization.NoEncryption()
    secret = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, sealed)
    return made.public_bytes(serialization.Encoding.PEM).decode(), secret.decode()


def told(pem: str) -> str:
    """The fingerprint of the first certificate, by another library than the module's."""
    return x509.load_pem_x509_certificate(pem.encode()).fingerprint(hashes.SHA256()).hex(":").upper()


def secret_in(key: str, printed: str) -> bool:
    return any(line in printed for line in key.splitlines()[1:-1])


def endpoint(chain: str, name: str = "velociraptor-12345") -> dict[str, Any]:
    said = {
        "cert_domains": [WWW], "starts_at": "2026-01-01T12:00:00Z", "expires_at": "2036-01-01T12:00:00Z",
        "issuer": "/CN=x", "subject": "/CN=x", "self_signed?": True, "ca_signed?": False,
    }  # fmt: skip
    return {"id": str(uuid.uuid5(uuid.NAMESPACE_DNS, name)), "name": name, "certificate_chain": chain, "ssl_cert": said}


def api(endpoints: tuple[dict, ...] = (), **served: dict | None) -> FakeApi:
    """An app with these certificates, and the domains WWW and ART, served with what `www` and `art` say."""
    hosts = {WWW: served.get("www"), ART: served.get("art")}
    listed = [{"id": "d-0", "hostname": "shop.apps.example.net", "kind": "heroku", "sni_endpoint": None}]
    answers: dict[tuple[str, str], Any] = {}
    for number, (hostname, one) in enumerate(hosts.items(), 1):
        reference = one and {"id": one["id"], "name": one["name"]}
        listed.append({"id": f"d-{number}", "hostname": hostname, "kind": "custom", "sni_endpoint": reference})
        answers["PATCH", f"{DOMAINS}/{hostname}"] = {}
    for one in endpoints:
        one["domains"] = [row["id"] for row in listed if row["sni_endpoint"] and row["sni_endpoint"]["id"] == one["id"]]
        answers["DELETE", f"{WHERE}/{one['id']}"] = one
        answers["PATCH", f"{WHERE}/{one['id']}"] = lambda body, one=one: (
            one | {"certificate_chain": body["certificate_chain"]}
        )
    answers["POST", WHERE] = lambda body: endpoint(body["certificate_chain"], "stegosaurus-54321")
    return FakeApi(answers | {("GET", WHERE): list(endpoints), ("GET", DOMAINS): listed})


def given(number: int = 0, **more: Any) -> dict[str, Any]:
    chain, key = pair(number)
    return {"app": "shop", "certificate_chain": chain, "private_key": key, **more}


def test_a_new_one_is_added_and_serves_the_domains(run_module) -> None:
    (chain, key), shop = pair(0), api()
    result = run_module("certificate", shop, **given(domains=[WWW]))
    new = endpoint(chain, "stegosaurus-54321")
    assert shop.changes == [
        ("POST", WHERE, {"certificate_chain": chain, "private_key": key}),
        ("PATCH", f"{DOMAINS}/{WWW}", {"sni_endpoint": new["id"]}),
    ]
    assert result["actions"] == ["certificate added", f"domain {WWW} served with certificate stegosaurus-54321"]
    assert result["diff"]["after"] == {"chain": [told(chain)], "domains": [WWW]}
    assert (result["certificate"]["fingerprint"], result["certificate"]["domains"]) == (told(chain), [WWW])
    assert not secret_in(key, result.printed)


def test_the_same_one_is_left(run_module) -> None:
    one = endpoint(pair(0)[0])
    shop = api((one,), www=one)
    for more in ({}, {"domains": [WWW]}, {"name": one["name"]}, {"name": one["id"], "domains": [WWW]}):
        assert run_module("certificate", shop, **given(**more))["changed"] is False
    assert shop.changes == []


def test_the_order_of_the_chain_is_no_change(run_module) -> None:
    chain, key = pair(0)
    one = endpoint(chain + pair(7)[0])
    turned = pair(7)[0] + "\n# a comment\n" + chain + chain
    shop = api((one,))
    assert not run_module("certificate", shop, app="shop", certificate_chain=turned, private_key=key)["changed"]
    assert run_module("certificate", shop, check=True, **given())["actions"] == [f"certificate {one['name']} renewed"]


def test_the_next_one_renews_what_serves_the_domains(run_module) -> None:
    one = endpoint(pair(1)[0])
    shop = api((one,), www=one)
    result = run_module("certificate", shop, **given(2, domains=[WWW, ART]))
    assert [each[:2] for each in shop.changes] == [("PATCH", f"{WHERE}/{one['id']}"), ("PATCH", f"{DOMAINS}/{ART}")]
    assert result["diff"] == {
        "before": {"chain": [told(pair(1)[0])], "domains": [WWW]},
        "after": {"chain": [told(pair(2)[0])], "domains": [ART, WWW]},
    }
    assert result["certificate"]["fingerprint"] == told(pair(2)[0])


def test_what_also_serves_other_domains_is_not_renewed_for_some(run_module) -> None:
    one = endpoint(pair(1)[0])
    shop = api((one,), www=one, art=one)
    run_module("certificate", shop, **given(2, domains=[WWW]))
    assert [each[:2] for each in shop.changes] == [("POST", WHERE), ("PATCH", f"{DOMAINS}/{WWW}")]


def test_one_is_renewed_by_its_name(run_module) -> None:
    one, other = endpoint(pair(1)[0], "stegosaurus-1"), endpoint(pair(2)[0], "stegosaurus-2")
    shop = api((one, other))
    run_module("certificate", shop, **given(3, name="stegosaurus-2"))
    assert [each[:2] for each in shop.changes] == [("PATCH", f"{WHERE}/{other['id']}")]


def test_check_mode_says_what_it_would_do_and_does_nothing(run_module) -> None:
    shop = api()
    result = run_module("certificate", shop, check=True, **given(domains=[WWW]))
    assert result["actions"] == ["certificate added", f"domain {WWW} served with the new certificate"]
    assert (shop.changes, "certificate" in result.json, result["changed"]) == ([], False, True)
    one = endpoint(pair(1)[0])
    shop = api((one,), www=one)
    assert run_module("certificate", shop, check=True, **given(2, domains=[WWW]))["changed"]
    assert shop.changes == []


def test_files_do_as_well_as_texts(run_module, tmp_path: Path) -> None:
    chain, key = pair(0)
    (tmp_path / "crt").write_text(chain)
    (tmp_path / "key").write_text(key)
    files = {"certificate_file": str(tmp_path / "crt"), "private_key_file": str(tmp_path / "key")}
    shop = api()
    result = run_module("certificate", shop, app="shop", **files)
    assert shop.changes == [("POST", WHERE, {"certificate_chain": chain, "private_key": key})]
    assert not secret_in(key, result.printed)


@pytest.mark.parametrize("how", ["name", "chain"])
def test_it_is_removed_once(run_module, how: str) -> None:
    one, other = endpoint(pair(1)[0], "stegosaurus-1"), endpoint(pair(2)[0], "stegosaurus-2")
    which = {"name": "stegosaurus-1"} if how == "name" else {"certificate_chain": pair(1)[0]}
    shop = api((one, other), www=one)
    result = run_module("certificate", shop, app="shop", state="absent", **which)
    assert shop.changes == [("DELETE", f"{WHERE}/{one['id']}", None)]
    assert result["diff"]["before"] == {"stegosaurus-1": {"fingerprint": told(pair(1)[0]), "domains": [WWW]}}
    shop = api((other,))
    assert not run_module("certificate", shop, app="shop", state="absent", **which)["changed"]


def test_a_refusal_is_told(run_module) -> None:
    shop = api()
    shop.answers["POST", WHERE] = Refusal(422, "The certificate expired at 2026-01-01T12:00:00Z.")
    result = run_module("certificate", shop, **given())
    assert result["msg"].startswith("The certificate expired")
    assert not secret_in(pair(0)[1], result.printed)


def test_a_domain_that_is_none_of_the_apps_is_said_before_anything_is_changed(run_module) -> None:
    for check in (True, False):
        shop = api()
        result = run_module("certificate", shop, check=check, **given(domains=[WWW, "other.example.com"]))
        assert result["msg"].startswith("other.example.com is no domain of shop")
        assert shop.changes == []


def test_a_name_that_is_not_there_is_said(run_module) -> None:
    shop = api()
    assert "has no certificate 'mine'" in run_module("certificate", shop, **given(name="mine"))["msg"]
    assert shop.changes == []


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (given() | {"private_key": pair(1)[1]}, "is for none of the certificates"),
        (given() | {"private_key": pair(2, "rsa")[1]}, "is for none of the certificates"),
        (given() | {"private_key": pair(3, passphrase=b"pond")[1]}, "openssl pkey"),
        (given() | {"private_key": pair(0)[0]}, "no PEM private key"),
        (given() | {"private_key": pair(0)[1].replace("M", "!", 1)}, "cannot be used"),
        (given() | {"certificate_chain": pair(0)[0] + pair(0)[1]}, "holds a private key"),
        (given() | {"certificate_chain": "nonsense"}, "no PEM text"),
        (given() | {"certificate_chain": pair(0)[0].replace("MI", "!!", 1)}, "Certificate 1 is damaged"),
        (given(certificate_file="/etc/hosts"), "mutually exclusive"),
        (given(private_key_file="/etc/hosts"), "mutually exclusive"),
        (given(domains=["nonsense"]), "not a fully qualified domain name"),
        ({"app": "shop", "certificate_chain": pair(0)[0]}, "private_key"),
        ({"app": "shop", "private_key": pair(0)[1]}, "certificate_chain"),
        ({"app": "shop", "private_key": pair(0)[1], "certificate_file": "/no/such"}, "/no/such cannot be read"),
        ({"app": "shop", "state": "absent"}, "name"),
    ],
)
def test_wrong_input_is_refused_before_anything_is_asked(run_module, wrong: dict, said: str) -> None:
    untouched = FakeApi()
    result = run_module("certificate", untouched, **wrong)
    assert said in result["msg"]
    assert untouched.asked == []
    assert not secret_in(wrong.get("private_key", ""), result.printed)
    assert not secret_in(pair(0)[1], result.printed)


@pytest.mark.parametrize("kind", KEYS)
def test_the_one_that_the_key_is_for_comes_first(kind: str) -> None:
    (own, key), other, third = pair(4, kind), pair(5, "ec")[0], pair(6, "rsa")[0]
    ordered = _certificates.own_first(_certificates.read_chain(other + third + own), key)
    assert [_certificates.fingerprint(one) for one in ordered] == [told(own), told(other), told(third)]


def test_info_tells_all_or_one(run_module) -> None:
    one, other = endpoint(pair(1)[0], "stegosaurus-1"), endpoint(pair(2)[0], "stegosaurus-2")
    shop = api((one, other), www=other)
    result = run_module("certificate_info", shop, app="shop")
    assert [(each["name"], each["domains"]) for each in result["certificates"]] == [
        ("stegosaurus-1", []), ("stegosaurus-2", [WWW])
    ]  # fmt: skip
    only = run_module("certificate_info", shop, app="shop", **{"name": "stegosaurus-2"})["certificates"]
    assert [each["fingerprint"] for each in only] == [told(pair(2)[0])]
    assert "has no certificate" in run_module("certificate_info", shop, app="shop", **{"name": "mine"})["msg"]
