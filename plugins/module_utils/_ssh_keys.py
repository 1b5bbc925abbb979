# Copyright: The Hokku developers
# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# PRIVATE to the collection: modules of other collections must not import it.

"""SSH public keys: what is wrong with a line, its fingerprint, and how the modules tell a key."""

from __future__ import annotations

import base64
import binascii
import hashlib

from ansible_collections.hokku.platform.plugins.module_utils._api import ApiError

KINDS = ("ssh-ed25519", "ssh-rsa", "ecdsa-sha2-nistp256", "ecdsa-sha2-nistp384", "ecdsa-sha2-nistp521")


def fingerprint(line):
    """The fingerprint of the key in a line of a .pub file, as `ssh-keygen -l` prints it. Raises ApiError."""
    if "PRIVATE KEY" in line:
        raise ApiError("This is a private key. Never give it away; use the file whose name ends in .pub.")
    words = line.strip().split(None, 2)
    if "\n" in line.strip() or len(words) < 2 or words[0] not in KINDS:
        raise ApiError(
            "public_key is not an SSH public key: give the one line of a file such as ~/.ssh/id_ed25519.pub "
            f"({', '.join(KINDS)})."
        )
    try:
        body = base64.b64decode(words[1], validate=True)
    except binascii.Error:
        body = b""
    if _parts(body)[:1] != [words[0].encode()]:
        raise ApiError("public_key is damaged: copy the whole line of the .pub file.")
    return "SHA256:" + base64.b64encode(hashlib.sha256(body).digest()).decode().rstrip("=")


def _parts(body):
    """The texts that a key consists of, each after its length (RFC 4253); none where one is cut off."""
    found = []
    while body:
        size = int.from_bytes(body[:4], "big")
        found.append(body[4 : 4 + size])
        if len(body) < 4 + size:
            return []
        body = body[4 + size :]
    return found


def shown(row):
    """A key as the modules tell it, from the API's."""
    return {name: row[name] for name in ("id", "fingerprint", "comment", "public_key", "created_at")}
