# Copyright: The Hokku developers
# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# PRIVATE to the collection: modules of other collections must not import it.

"""Certificates in PEM: which of them a private key is for, their fingerprints, and how the modules tell them."""

from __future__ import annotations

import base64
import binascii
import hashlib
import os
import re
import ssl
import tempfile

from ansible_collections.hokku.platform.plugins.module_utils._api import ApiError

_CERTIFICATE = re.compile(r"-----BEGIN CERTIFICATE-----(.+?)-----END CERTIFICATE-----", re.DOTALL)
_OTHER_KEY = ("KEY_VALUES_MISMATCH", "KEY_TYPE_MISMATCH", "NO_CERTIFICATE_ASSIGNED")  # the last: of another kind


def read_chain(text):
    """The certificates of a PEM text (each in DER, each once, in their order). Raises ApiError."""
    if "PRIVATE KEY" in text:
        raise ApiError("The certificate's text holds a private key: give the key apart from it, in private_key.")
    found = []
    for number, body in enumerate(_CERTIFICATE.findall(text), 1):
        try:
            found.append(base64.b64decode("".join(body.split()), validate=True))
        except binascii.Error:
            raise ApiError(f"Certificate {number} is damaged: copy the whole file.") from None
    if not found:
        raise ApiError(
            "The certificate is no PEM text: give that of a .crt or .pem file, which begins with "
            "-----BEGIN CERTIFICATE-----."
        )
    return list(dict.fromkeys(found))


def own_first(chain, key):
    """The certificates, first the one that the private key (PEM) is for. Raises ApiError, which repeats no key."""
    if "ENCRYPTED" in key:
        raise ApiError(
            "The private key is protected with a passphrase: take it away with `openssl pkey -in KEY -out NEW`."
        )
    if "PRIVATE KEY-----" not in key:
        raise ApiError(
            "private_key is no PEM private key: give the text of a .key or .pem file, which begins with "
            "-----BEGIN PRIVATE KEY-----."
        )
    own = next((one for one in chain if _fits(one, key)), None)
    if own is None:
        raise ApiError(
            "The private key is for none of the certificates given: give the one that the certificate was made for."
        )
    return [own, *(one for one in chain if one != own)]


def fingerprint(certificate):
    """SHA-256 of a certificate in DER, as `openssl x509 -fingerprint -sha256` prints it."""
    return hashlib.sha256(certificate).digest().hex(":").upper()


def shown(row, hostnames):
    """A certificate as the modules tell it, from the API's and the hostnames that are served with it."""
    said = row["ssl_cert"]
    return {
        "id": row["id"],
        "name": row["name"],
        "domains": sorted(hostnames),
        "fingerprint": fingerprint(read_chain(row["certificate_chain"])[0]),
        "cert_domains": said["cert_domains"],
        "starts_at": said["starts_at"],
        "expires_at": said["expires_at"],
        "issuer": said["issuer"],
        "subject": said["subject"],
        "self_signed": said["self_signed?"],
        "ca_signed": said["ca_signed?"],
    }


def _fits(certificate, key):
    """Whether OpenSSL takes the two for a pair. The key is never in a file that has a name."""
    pem = ssl.DER_cert_to_PEM_cert(certificate) + key
    with _nameless() as file:
        file.write(pem.encode())
        file.seek(0)
        try:
            # With a passphrase of its own OpenSSL never asks for one at a terminal.
            ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(f"/dev/fd/{file.fileno()}", password="none")
        except ssl.SSLError as error:
            if error.reason in _OTHER_KEY:
                return False
            reason = (error.reason or "it is no PEM text that OpenSSL reads").replace("_", " ").lower()
            raise ApiError(f"Certificate and private key cannot be used ({reason}): copy both files whole.") from None
    return True


def _nameless():
    if hasattr(os, "memfd_create"):
        return os.fdopen(os.memfd_create("certificate"), "wb+", buffering=0)
    return tempfile.TemporaryFile(buffering=0)
