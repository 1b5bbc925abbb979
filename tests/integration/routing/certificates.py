"""Certificates as the role pki makes them: a CA with host certificates, and the manifold's self-signed one."""

from __future__ import annotations

import datetime
import hashlib
import ssl
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from hokku.routing import Certificate


@dataclass(frozen=True)
class Pair:
    """A certificate with its key, in memory and as files NAME.crt and NAME.key."""

    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey
    crt: Path
    pem: Path


def make(directory: Path, name: str, issuer: Pair | None = None, *, ca: bool = False) -> Pair:
    """A new certificate called `name`, good for it and 127.0.0.1 to .3; its own issuer when none is given."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.datetime.now(datetime.UTC)
    names = [x509.DNSName(name), *(x509.IPAddress(ip_address(f"127.0.0.{n}")) for n in (1, 2, 3))]
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer.certificate.subject if issuer else subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(hours=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True)
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .sign(issuer.key if issuer else key, hashes.SHA256())
    )
    crt, pem = directory / f"{name}.crt", directory / f"{name}.pem"
    text = certificate.public_bytes(Encoding.PEM)
    secret = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    crt.write_bytes(text)
    crt.with_suffix(".key").write_bytes(secret)
    pem.write_bytes(text + secret)
    return Pair(certificate, key, crt, pem)


class Bundles:
    """What the mesh asks for certificates, and the authority that signs them."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self.ca = make(directory, "authority", ca=True)
        self.pem: dict[str, str] = {}
        self.asked: list[str] = []

    def __call__(self, digests: Collection[str]) -> Mapping[str, str]:
        self.asked += digests
        return {digest: self.pem[digest] for digest in digests if digest in self.pem}

    def pair(self, hostname: str) -> Pair:
        """A certificate for the host name that the authority signed."""
        return make(self._directory, hostname, self.ca)

    def add(self, hostname: str, pem: str | None = None) -> Certificate:
        """A new certificate for the host name, or what is said to be one."""
        pem = pem or self.pair(hostname).pem.read_text()
        digest = hashlib.sha256(pem.encode()).hexdigest()
        self.pem[digest] = pem
        return Certificate(hostname, digest)

    def context(self) -> ssl.SSLContext:
        """Trusts the authority alone."""
        return ssl.create_default_context(cafile=str(self.ca.crt))
