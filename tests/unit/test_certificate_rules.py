"""What is wrong with a certificate is said in one sentence, and what it says of itself is read right."""

from __future__ import annotations

import datetime

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from hokku.api import certificates
from hokku.api.certificates import parse
from hokku.errors import InvalidParams

NOW = datetime.datetime.now(datetime.UTC).replace(microsecond=0)
DAY = datetime.timedelta(days=1)


def name(common):
    return x509.Name(
        [x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Poets"), x509.NameAttribute(NameOID.COMMON_NAME, common)]
    )


def certificate(common, names=(), *, key=None, issuer=None, ca=False, until=NOW + 30 * DAY):
    """(certificate, key), signed by the issuer, (certificate, key), or by itself."""
    key = key or ec.generate_private_key(ec.SECP256R1())
    signer, signing = issuer or (None, key)
    builder = x509.CertificateBuilder().subject_name(name(common)).public_key(key.public_key())
    builder = builder.issuer_name(signer.subject if signer else name(common)).serial_number(x509.random_serial_number())
    builder = builder.not_valid_before(NOW - 60 * DAY).not_valid_after(until)
    builder = builder.add_extension(x509.BasicConstraints(ca, None), critical=True)
    builder = builder.add_extension(
        x509.AuthorityKeyIdentifier.from_issuer_public_key(signing.public_key()), critical=False
    )
    if ca:
        usage = x509.KeyUsage(False, False, False, False, False, True, True, False, False)
        builder = builder.add_extension(usage, critical=True)
        builder = builder.add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    if names:
        builder = builder.add_extension(x509.SubjectAlternativeName([x509.DNSName(one) for one in names]), False)
    return builder.sign(signing, None if isinstance(signing, ed25519.Ed25519PrivateKey) else hashes.SHA256()), key


def pem(one):
    return one.public_bytes(Encoding.PEM).decode()


def pem_key(key, form=PrivateFormat.PKCS8, encryption=None):
    return key.private_bytes(Encoding.PEM, form, encryption or NoEncryption()).decode()


def refusal(chain, key):
    with pytest.raises(InvalidParams) as caught:
        parse(chain, key)
    message = caught.value.message
    assert message.endswith(".")
    assert not [line for line in key.splitlines() if len(line) > 40 and line in message]
    return message


SELF, SELF_KEY = certificate("www.example.com", ["www.example.com", "*.Example.com"])


def test_a_certificate_says_for_whom_and_how_long_it_is_good():
    parsed = parse(pem(SELF), pem_key(SELF_KEY))
    assert parsed.details == {
        "ca_signed?": False,
        "cert_domains": ["www.example.com", "*.example.com"],
        "expires_at": (NOW + 30 * DAY).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "issuer": "/O=Poets/CN=www.example.com",
        "self_signed?": True,
        "starts_at": (NOW - 60 * DAY).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "subject": "/O=Poets/CN=www.example.com",
    }
    assert "PRIVATE" not in repr(parsed)
    assert parsed.digest == parse(pem(SELF) + "\n\n", "\r\n" + pem_key(SELF_KEY)).digest
    assert "" not in (parsed.chain + parsed.key).splitlines(), "an empty line would end it on its way to a router"


@pytest.mark.parametrize("form", [PrivateFormat.PKCS8, PrivateFormat.TraditionalOpenSSL])
@pytest.mark.parametrize("kind", ["rsa", "p256", "p384"])
def test_every_usual_key_is_taken(kind, form):
    key = {
        "rsa": lambda: rsa.generate_private_key(65537, 2048),
        "p256": lambda: ec.generate_private_key(ec.SECP256R1()),
        "p384": lambda: ec.generate_private_key(ec.SECP384R1()),
    }[kind]()
    made, _ = certificate("a.example.com", key=key)
    parsed = parse(pem(made), pem_key(key, form))
    assert parsed.details["cert_domains"] == ["a.example.com"], "a common name counts where there is no other name"


def test_a_chain_in_any_order_is_put_right_and_one_without_its_issuers_is_taken(tmp_path, monkeypatch):
    root = certificate("Root", ca=True)
    middle = certificate("Middle", ca=True, issuer=root)
    own, key = certificate("www.example.com", ["www.example.com"], issuer=middle)
    stray, _ = certificate("stray.example.com")
    mixed = "Bag Attributes\n" + "\n\n".join(pem(one) for one in (root[0], stray, middle[0], own, middle[0]))
    assert parse(mixed, pem_key(key)).chain == "".join(pem(one) for one in (own, middle[0], root[0], stray))
    alone = parse(pem(own), pem_key(key))
    assert alone.chain == pem(own)
    assert (alone.details["self_signed?"], alone.details["ca_signed?"]) == (False, False)
    trusted = tmp_path / "trusted.crt"
    trusted.write_text(pem(root[0]))
    monkeypatch.setattr(certificates, "_TRUSTED", trusted)
    certificates._trusted.cache_clear()
    try:
        assert parse(mixed, pem_key(key)).details["ca_signed?"] is True
        assert parse(pem(own), pem_key(key)).details["ca_signed?"] is False, "no way to the root without the middle"
        assert parse(pem(SELF), pem_key(SELF_KEY)).details["ca_signed?"] is False
    finally:
        monkeypatch.undo()
        certificates._trusted.cache_clear()


def test_what_is_no_certificate_is_refused():
    key = pem_key(SELF_KEY)
    for text in ("", "garbage", "-----BEGIN CERTIFICATE-----\n", "\0"):
        assert "no PEM certificate" in refusal(text, key)
    assert "damaged" in refusal("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----", key)
    assert "Certificate 2" in refusal(pem(SELF) + pem(SELF).replace("MII", "MIX"), key)
    assert "certificate first, and the key second" in refusal(key, pem(SELF))


def test_what_is_no_private_key_is_refused():
    chain = pem(SELF)
    for text in ("", "garbage", chain, "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----"):
        assert "no PEM private key" in refusal(chain, text)
    for form in (PrivateFormat.PKCS8, PrivateFormat.TraditionalOpenSSL):
        secret = pem_key(SELF_KEY, form, BestAvailableEncryption(b"secret"))
        assert "passphrase" in refusal(chain, secret)
    weak, _ = certificate("w.example.com", key=(key := rsa.generate_private_key(65537, 1024)))
    assert "1024 bits" in refusal(pem(weak), pem_key(key))
    other, _ = certificate("e.example.com", key=(key := ed25519.Ed25519PrivateKey.generate()))
    assert "kind" in refusal(pem(other), pem_key(key))


def test_what_cannot_be_served_is_refused():
    assert "Key doesn't match" in refusal(pem(SELF), pem_key(ec.generate_private_key(ec.SECP256R1())))
    old, key = certificate("old.example.com", until=NOW - DAY)
    assert "expired at" in refusal(pem(old), pem_key(key))
    nameless, key = certificate("A Person")
    assert "domain name certificate" in refusal(pem(nameless), pem_key(key))
    long = [f"{'x' * 60}{n}.example.com" for n in range(200)]
    big, key = certificate("big.example.com", long)
    assert "bytes" in refusal(pem(big), pem_key(key))
