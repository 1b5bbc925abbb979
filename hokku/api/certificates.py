"""Certificates and private keys as users send them: what is wrong with them in one sentence, or what they say."""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import ssl
import warnings
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)
from cryptography.x509.oid import NameOID
from cryptography.x509.verification import PolicyBuilder, Store, VerificationError

from hokku.api.shape import Json, at
from hokku.errors import InvalidParams
from hokku.store.tables import now

LONGEST = 14_000  # bytes of chain and key: what HAProxy takes in one piece is 16 KiB
_TRUSTED = Path("/etc/ssl/certs/ca-certificates.crt")
_SHORTEST_RSA = 2048  # bits
_CURVES = (ec.SECP256R1, ec.SECP384R1, ec.SECP521R1)
_CERTIFICATE = re.compile(r"-----BEGIN CERTIFICATE-----.+?-----END CERTIFICATE-----", re.DOTALL)
_KEY = re.compile(r"-----BEGIN (?:RSA |EC )?PRIVATE KEY-----.+?-----END (?:RSA |EC )?PRIVATE KEY-----", re.DOTALL)

PrivateKey = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey


@dataclass(frozen=True)
class Parsed:
    """A certificate with its key, ready to be served: `chain` and `key` are PEM, the certificate itself first."""

    chain: str
    key: str = field(repr=False)
    details: Json

    @property
    def digest(self) -> str:
        """SHA-256 of what routers get, chain and key."""
        return hashlib.sha256((self.chain + self.key).encode()).hexdigest()


def parse(chain: str, private_key: str) -> Parsed:
    """What the two texts hold. Raises InvalidParams; no sentence of it repeats a part of the key.

    Certificates may come in any order, with or without those that signed them, as long as one fits the key (Heroku).
    """
    if len(chain) + len(private_key) > 4 * LONGEST:  # what is weighed exactly below is looked at in full till then
        raise InvalidParams(f"Certificate, chain and key are too long: {LONGEST} bytes is the most.")
    certificates, key = _certificates(chain), _private_key(private_key)
    public = key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    own = next((one for one in certificates if _public(one) == public), None)
    if own is None:
        raise InvalidParams(
            "Key doesn't match the PEM certificate. Give the private key that the certificate was made for."
        )
    if own.not_valid_after_utc <= now():
        raise InvalidParams(
            f"The certificate expired at {at(own.not_valid_after_utc)}. Renew it, and give the new one."
        )
    domains = _domains(own)
    if not domains:
        raise InvalidParams("No certificate given is a domain name certificate: it names no host that it is good for.")
    ordered = _ordered(own, certificates)
    parsed = Parsed(
        "".join(one.public_bytes(Encoding.PEM).decode() for one in ordered),
        key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode(),
        {
            "ca_signed?": _is_trusted(own, ordered[1:], domains[0]),
            "cert_domains": domains,
            "expires_at": at(own.not_valid_after_utc),
            "issuer": _name(own.issuer),
            "self_signed?": own.issuer == own.subject and _signed(own, own),
            "starts_at": at(own.not_valid_before_utc),
            "subject": _name(own.subject),
        },
    )
    _try(parsed)
    return parsed


def _certificates(chain: str) -> list[x509.Certificate]:
    if "PRIVATE KEY" in chain:
        raise InvalidParams("certificate_chain holds a private key. Give the certificate first, and the key second.")
    found = _CERTIFICATE.findall(chain)
    if not found:
        raise InvalidParams(
            "certificate_chain is no PEM certificate. Give the text of a .crt or .pem file that begins with "
            "-----BEGIN CERTIFICATE-----."
        )
    certificates = []
    for number, text in enumerate(found, 1):
        try:
            certificate = x509.load_pem_x509_certificate(text.encode())
            _name(certificate.issuer), _name(certificate.subject), _domains(certificate)
        except (ValueError, UnsupportedAlgorithm, x509.DuplicateExtension):
            raise InvalidParams(f"Certificate {number} of certificate_chain is damaged. Copy the whole file.") from None
        if certificate not in certificates:
            certificates.append(certificate)
    return certificates


def _private_key(text: str) -> PrivateKey:
    if "ENCRYPTED" in text:
        raise InvalidParams(
            "The private key is protected with a passphrase. Take it away with `openssl pkey -in KEY -out NEW`, and "
            "give the new file."
        )
    found = _KEY.search(text)
    try:
        key = load_pem_private_key(found[0].encode(), None) if found else None
    except (ValueError, TypeError, UnsupportedAlgorithm):
        key = None
    if key is None:
        raise InvalidParams(
            "private_key is no PEM private key. Give the text of a .key or .pem file that begins with "
            "-----BEGIN PRIVATE KEY-----."
        )
    if isinstance(key, rsa.RSAPrivateKey) and key.key_size < _SHORTEST_RSA:
        raise InvalidParams(f"The RSA key has {key.key_size} bits, which is too weak. Use {_SHORTEST_RSA} or more.")
    if isinstance(key, rsa.RSAPrivateKey) or (
        isinstance(key, ec.EllipticCurvePrivateKey) and isinstance(key.curve, _CURVES)
    ):
        return key
    raise InvalidParams(
        "The private key is of a kind that browsers do not support. Use RSA, or ECDSA with P-256 or P-384."
    )


def _public(certificate: x509.Certificate) -> bytes | None:
    try:
        return certificate.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    except (ValueError, UnsupportedAlgorithm):
        return None


def _domains(certificate: x509.Certificate) -> list[str]:
    """The host names that the certificate is good for; its common name only counts when it has no other (RFC 6125)."""
    try:
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        return [name.lower() for name in names.get_values_for_type(x509.DNSName)]
    except x509.ExtensionNotFound:
        common = certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
        return [str(one.value).lower() for one in common if "." in str(one.value)]


def _ordered(own: x509.Certificate, certificates: Sequence[x509.Certificate]) -> list[x509.Certificate]:
    """The certificate, the one that signed it, and so on; what is left over comes last."""
    ordered, left = [own], [one for one in certificates if one != own]
    while signer := next((one for one in left if _signed(ordered[-1], one)), None):
        ordered.append(signer)
        left.remove(signer)
    return ordered + left


def _signed(certificate: x509.Certificate, signer: x509.Certificate) -> bool:
    try:
        certificate.verify_directly_issued_by(signer)
    except (ValueError, TypeError, InvalidSignature, UnsupportedAlgorithm):
        return False
    return True


@cache
def _trusted() -> Store | None:
    """The authorities that this host trusts; None when it knows of none."""
    found = []
    with contextlib.suppress(OSError), warnings.catch_warnings(action="ignore"):
        for text in _CERTIFICATE.findall(_TRUSTED.read_text()):
            with contextlib.suppress(ValueError):
                found.append(x509.load_pem_x509_certificate(text.encode()))
    return Store(found) if found else None


def _is_trusted(own: x509.Certificate, others: list[x509.Certificate], domain: str) -> bool:
    """Whether clients that trust what this host trusts would take it."""
    if (store := _trusted()) is None:
        return False
    try:
        name = x509.DNSName(domain.replace("*", "any", 1))
        PolicyBuilder().store(store).time(now()).build_server_verifier(name).verify(own, others)
    except (VerificationError, ValueError):
        return False
    return True


def _name(name: x509.Name) -> str:
    """As Heroku shows it: /C=US/O=Example/CN=www.example.com."""
    return "".join(f"/{part.rfc4514_attribute_name}={part.value}" for part in name)


def _try(parsed: Parsed) -> None:
    """Load it as routers will, with OpenSSL, and never by a file that has a name."""
    bundle = (parsed.chain + parsed.key).encode()
    if len(bundle) > LONGEST:
        raise InvalidParams(
            f"Certificate, chain and key have {len(bundle)} bytes, {LONGEST} is the most. Leave out certificates that "
            "clients need not be sent, such as the root's."
        )
    memory = os.memfd_create("certificate")
    try:
        os.write(memory, bundle)
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(f"/proc/self/fd/{memory}")
    except ssl.SSLError as error:
        raise InvalidParams(f"Routers cannot serve this certificate: {error.reason or 'OpenSSL refuses it'}.") from None
    finally:
        os.close(memory)
