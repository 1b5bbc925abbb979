#!/usr/bin/python
# Copyright: The Hokku developers
# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
---
module: pki
short_description: The platform's certificates and secrets, made once and kept on the controller
version_added: 0.1.0
author: [The Hokku developers (@hokku)]
description:
  - Keeps a directory with the platform's certificate authority, a certificate for each host, the
    wildcard certificate of the applications' domain, the manifold's pinned client certificate and the platform's random
    secrets.
  - What exists and is still good is never touched. A host's certificate is renewed when it ends soon, when its names
    changed, or when the authority did.
  - Run it on the controller (C(delegate_to=localhost), C(run_once=true)).
options:
  directory:
    description: Where everything is kept; the module makes it with mode 0700, and its files with mode 0600.
    type: path
    required: true
  hosts:
    description: The hosts that get a certificate, C(NAME.crt) and C(NAME.key).
    type: list
    elements: dict
    default: []
    suboptions:
      name:
        description: The host's name in the inventory.
        type: str
        required: true
      names:
        description: Further DNS names and IP addresses that the certificate is good for.
        type: list
        elements: str
        default: []
  apps_domain:
    description: Domain under which applications answer; C(apps.pem) is good for it and for C(*.DOMAIN).
    type: str
    required: true
  ca_days:
    description: How many days a new authority lasts.
    type: int
    default: 3650
  days:
    description: How many days a new certificate lasts.
    type: int
    default: 825
  renew_days:
    description: A certificate that ends within so many days is renewed.
    type: int
    default: 30
extends_documentation_fragment:
  - ansible.builtin.action_common_attributes
attributes:
  check_mode:
    support: full
  diff_mode:
    description: Shows names of files, never what is in them.
    support: full
  platform:
    platforms: debian
requirements:
  - cryptography
"""

EXAMPLES = r"""
- name: Certificates and secrets exist
  hokku.platform.pki:
    directory: /etc/hokku-secrets
    apps_domain: apps.example.com
    hosts:
      - name: control1
        names: [10.0.0.11, api.example.com]
  delegate_to: localhost
  run_once: true
"""

RETURN = r"""
actions:
  description: What was made or renewed, by file.
  returned: always
  type: list
  elements: str
  sample: ["ca.crt: made", "router1.crt: renewed, it ends in 12 days"]
"""

import datetime
import fcntl
import ipaddress
import os
import secrets
import tempfile
import traceback
import uuid
from contextlib import contextmanager
from pathlib import Path

from ansible.module_utils.basic import AnsibleModule, missing_required_lib

try:
    from cryptography import x509
    from cryptography.fernet import Fernet
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

    CRYPTOGRAPHY_ERROR = None
except ImportError:
    CRYPTOGRAPHY_ERROR = traceback.format_exc()

# One line a secret that the platform invents for itself: the file's name and how its content is made.
SECRETS = {
    "database_password": lambda: secrets.token_urlsafe(32),
    "redis_password": lambda: secrets.token_hex(32),
    "config_key": lambda: Fernet.generate_key().decode(),
    "git_token": lambda: secrets.token_urlsafe(32),
    "admin_token": lambda: f"HRKU-{uuid.UUID(bytes=secrets.token_bytes(16), version=4)}",
    "admin_password": lambda: secrets.token_urlsafe(18),
}


class Store:
    """The directory: reads what is there, writes files with mode 0600 in one step, remembers what it did."""

    def __init__(self, directory, check):
        self.directory = Path(directory)
        self.check = check
        self.actions = []

    def read(self, name):
        """The bytes of the file `name`, or None when there is none."""
        try:
            return (self.directory / name).read_bytes()
        except FileNotFoundError:
            return None

    def write(self, name, content, why):
        """Replace the file `name`; a reader sees the old or the new content, nothing between."""
        self.actions.append(f"{name}: {why}")
        if self.check:
            return
        handle, path = tempfile.mkstemp(dir=self.directory, prefix=f".{name}.")
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            os.replace(path, self.directory / name)
        except BaseException:
            os.unlink(path)
            raise

    def keep_modes(self):
        """Bring the directory to 0700 and its files to 0600."""
        wrong = [path for path in sorted(self.directory.iterdir()) if path.is_file() and path.stat().st_mode & 0o177]
        for path in wrong:
            self.actions.append(f"{path.name}: mode 0600")
            if not self.check:
                path.chmod(0o600)
        if self.directory.stat().st_mode & 0o077:
            self.actions.append(f"{self.directory}: mode 0700")
            if not self.check:
                self.directory.chmod(0o700)

    @contextmanager
    def locked(self):
        """Make the directory and hold its lock, so that two runs at once do not make two authorities."""
        if self.check and not self.directory.is_dir():
            self.actions.append(f"{self.directory}: made")
            yield
            return
        if not self.directory.is_dir():
            self.directory.mkdir(mode=0o700, parents=True)
            self.actions.append(f"{self.directory}: made")
        with open(self.directory / ".lock", "a", opener=lambda path, flags: os.open(path, flags, 0o600)) as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield


def general_names(names):
    """SAN entries of `names`: addresses as IP entries, everything else as DNS names; repeats once, order kept."""
    entries = []
    for name in dict.fromkeys(names):
        try:
            entries.append(x509.IPAddress(ipaddress.ip_address(name)))
        except ValueError:
            entries.append(x509.DNSName(name))
    return entries


def key_pem(key):
    """The private key as unencrypted PKCS 8 PEM."""
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def cert_pem(cert):
    """The certificate as PEM."""
    return cert.public_bytes(serialization.Encoding.PEM)


def _builder(name, key, days, issuer=None):
    now = datetime.datetime.now(datetime.UTC)
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name[:64])])
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer or subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(hours=1))
        .not_valid_after(now + datetime.timedelta(days=days))
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    )


def _usage(signs_certificates):
    return x509.KeyUsage(
        digital_signature=True,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def make_authority(days):
    """A new certificate authority: (certificate, key). It signs hosts, not further authorities."""
    key = ec.generate_private_key(ec.SECP256R1())
    cert = (
        _builder("Hokku platform CA", key, days)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage(signs_certificates=True), critical=True)
        .sign(key, hashes.SHA256())
    )
    return cert, key


def make_certificate(authority, name, names, days):
    """A certificate for server and client use, signed by `authority` (certificate, key): (certificate, key)."""
    ca_cert, ca_key = authority
    key = ec.generate_private_key(ec.SECP256R1())
    cert = (
        _builder(name, key, days, ca_cert.subject)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(signs_certificates=False), critical=True)
        .add_extension(
            x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH]), critical=False
        )
        .add_extension(x509.SubjectAlternativeName(general_names(names)), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(ca_key.public_key()), critical=False)
        .sign(ca_key, hashes.SHA256())
    )
    return cert, key


def make_client(name, days):
    """A self-signed client certificate, to be pinned by those that trust it: (certificate, key)."""
    key = ec.generate_private_key(ec.SECP256R1())
    cert = (
        _builder(name, key, days)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(signs_certificates=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH]), critical=False)
        .sign(key, hashes.SHA256())
    )
    return cert, key


def why_renew(pem, key, names, ca_cert, renew_days):
    """Why this certificate (PEM bytes or None) must be made anew, or None when it is good."""
    if pem is None or key is None:
        return "made"
    try:
        cert = x509.load_pem_x509_certificate(pem)
        private = serialization.load_pem_private_key(key, None)
    except ValueError:
        return "made anew, it could not be read"
    if private.public_key() != cert.public_key():
        return "made anew, its key is another's"
    left = (cert.not_valid_after_utc - datetime.datetime.now(datetime.UTC)).days
    if left < renew_days:
        return f"renewed, it ends in {left} days"
    if ca_cert is None:
        return None
    try:
        cert.verify_directly_issued_by(ca_cert)
    except Exception:
        return "renewed, another authority signed it"
    has = cert.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    if set(has) != set(general_names(names)):
        return "renewed, its names changed"
    return None


def keep_authority(store, days):
    """The authority in `store`, made when there is none; never replaced on its own: (certificate, key)."""
    cert, key = store.read("ca.crt"), store.read("ca.key")
    if cert and key:
        return x509.load_pem_x509_certificate(cert), serialization.load_pem_private_key(key, None)
    if cert or key:
        raise ValueError(
            f"{store.directory} has only one of ca.crt and ca.key: put the other back from your copy, "
            "or remove both to start a new authority"
        )
    authority = make_authority(days)
    store.write("ca.key", key_pem(authority[1]), "made")
    store.write("ca.crt", cert_pem(authority[0]), "made")
    return authority


def keep(store, params):
    """Bring `store` to what `params` (the module's options) ask for; raises ValueError with a remedy."""
    taken = {"ca", "apps", "manifold"} & {host["name"] for host in params["hosts"]}
    if taken:
        raise ValueError(f"a host cannot be called {taken.pop()}: that name is the platform's own, call it otherwise")
    authority = keep_authority(store, params["ca_days"])
    for host in params["hosts"]:
        name, names = host["name"], [host["name"], *host["names"]]
        why = why_renew(store.read(f"{name}.crt"), store.read(f"{name}.key"), names, authority[0], params["renew_days"])
        if why:
            cert, key = make_certificate(authority, name, names, params["days"])
            store.write(f"{name}.key", key_pem(key), why)
            store.write(f"{name}.crt", cert_pem(cert), why)
    domain = params["apps_domain"]
    pem = store.read("apps.pem")
    why = why_renew(pem, pem, [domain, f"*.{domain}"], authority[0], params["renew_days"])
    if why:
        cert, key = make_certificate(authority, domain, [domain, f"*.{domain}"], params["days"])
        store.write("apps.pem", cert_pem(cert) + key_pem(key), why)
    why = why_renew(store.read("manifold.crt"), store.read("manifold.key"), [], None, params["renew_days"])
    if why:
        cert, key = make_client("hokku-manifold", params["ca_days"])
        store.write("manifold.key", key_pem(key), why)
        store.write("manifold.crt", cert_pem(cert), why)
    for name, make in SECRETS.items():
        if not store.read(name):
            store.write(name, make().encode(), "made")


def main():
    module = AnsibleModule(
        argument_spec={
            "directory": {"type": "path", "required": True},
            "hosts": {
                "type": "list",
                "elements": "dict",
                "default": [],
                "options": {
                    "name": {"type": "str", "required": True},
                    "names": {"type": "list", "elements": "str", "default": []},
                },
            },
            "apps_domain": {"type": "str", "required": True},
            "ca_days": {"type": "int", "default": 3650},
            "days": {"type": "int", "default": 825},
            "renew_days": {"type": "int", "default": 30},
        },
        supports_check_mode=True,
    )
    if CRYPTOGRAPHY_ERROR:
        module.fail_json(msg=missing_required_lib("cryptography"), exception=CRYPTOGRAPHY_ERROR)
    store = Store(module.params["directory"], module.check_mode)
    try:
        with store.locked():
            keep(store, module.params)
            if store.directory.is_dir():
                store.keep_modes()
    except (ValueError, OSError) as error:
        module.fail_json(msg=str(error))
    result = {"changed": bool(store.actions), "actions": store.actions}
    if module._diff and store.actions:
        result["diff"] = {"before": "", "after": "".join(f"{action}\n" for action in store.actions)}
    module.exit_json(**result)


if __name__ == "__main__":
    main()
