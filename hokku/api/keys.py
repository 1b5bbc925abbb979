"""/account/keys: the SSH keys that may push."""

from __future__ import annotations

import base64
import binascii
import hashlib
from dataclasses import dataclass

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.serialization import load_ssh_public_key
from fastapi import APIRouter
from pydantic import BaseModel
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from hokku.api import answers
from hokku.api.access import FullViewer, Opened, Viewer
from hokku.api.ranges import Ranged
from hokku.api.shape import stamps
from hokku.api.trail import leave
from hokku.errors import InvalidParams, NotFound
from hokku.store import keys
from hokku.store.tables import Key

router = APIRouter(prefix="/account/keys")
_KINDS = ("ssh-ed25519", "ssh-rsa", "ecdsa-sha2-nistp256", "ecdsa-sha2-nistp384", "ecdsa-sha2-nistp521")
_SHORTEST_RSA = 2048  # bits


@dataclass(frozen=True)
class PublicKey:
    """A parsed public key: kind and body as one line, its comment, and its fingerprint as ssh-keygen prints it."""

    line: str
    comment: str
    fingerprint: str


class Create(BaseModel):
    public_key: str


def parse(text: str) -> PublicKey:
    """The key in a line of an id_*.pub file; raises InvalidParams that says what is wrong with it."""
    if "PRIVATE KEY" in text:
        raise InvalidParams("This is a private key. Never give it away; use the file whose name ends in .pub.")
    words = text.strip().split(None, 2)
    if len(text) > 16_384 or "\n" in text.strip() or len(words) < 2 or words[0] not in _KINDS:
        raise InvalidParams(
            "This is not an SSH public key. Give the one line of a file such as ~/.ssh/id_ed25519.pub "
            f"({', '.join(_KINDS)})."
        )
    try:
        body = base64.b64decode(words[1], validate=True)
        parsed = load_ssh_public_key(f"{words[0]} {words[1]}".encode())
    except (binascii.Error, ValueError, UnsupportedAlgorithm):
        raise InvalidParams("This SSH public key is damaged. Copy the whole line of the .pub file.") from None
    if isinstance(parsed, RSAPublicKey) and parsed.key_size < _SHORTEST_RSA:
        raise InvalidParams(
            f"This RSA key has {parsed.key_size} bits, which is too weak. Use ed25519 or at least {_SHORTEST_RSA} bits."
        )
    digest = base64.b64encode(hashlib.sha256(body).digest()).decode().rstrip("=")
    comment = "".join(c for c in (words[2] if len(words) > 2 else "") if c.isprintable())[:200]
    return PublicKey(f"{words[0]} {words[1]}", comment, f"SHA256:{digest}")


def shape(row: Key, viewer: Viewer) -> answers.Key:
    """A key as Heroku shows it."""
    return stamps(row) | {
        "comment": row.comment,
        "email": viewer.account.email,
        "fingerprint": row.fingerprint,
        "public_key": f"{row.public_key} {row.comment}".strip(),
    }


@router.get("")
def index(opened: Opened, viewer: FullViewer, ranged: Ranged) -> list[answers.Key]:
    """The account's keys."""
    rows = keys.of_account(opened, viewer.account.id)
    return ranged([shape(row, viewer) for row in rows], "id", "created_at", "updated_at")


@router.post("", status_code=201)
def create(wanted: Create, opened: Opened, viewer: FullViewer) -> answers.Key:
    """Let a key push; adding it again changes nothing."""
    parsed = parse(wanted.public_key)
    taken = InvalidParams("This key is already in use by another account. Each account must have a unique key.")
    present = keys.by_fingerprint(opened, parsed.fingerprint)
    if present is not None:
        if present[0].account_id != viewer.account.id:
            raise taken
        return shape(present[0], viewer)
    row = Key(
        account_id=viewer.account.id,
        fingerprint=parsed.fingerprint,
        public_key=parsed.line,
        comment=parsed.comment,
    )
    opened.add(row)
    try:
        opened.flush()
    except IntegrityError:
        raise taken from None
    leave(opened, viewer, "key.create", fingerprint=row.fingerprint)
    return shape(row, viewer)


@router.get("/{key:path}")
def info(key: str, opened: Opened, viewer: FullViewer) -> answers.Key:
    """One key, by id or fingerprint."""
    return shape(_find(opened, viewer, key), viewer)


@router.delete("/{key:path}")
def delete(key: str, opened: Opened, viewer: FullViewer) -> answers.Key:
    """The key may push no longer."""
    row = _find(opened, viewer, key)
    opened.delete(row)
    leave(opened, viewer, "key.delete", fingerprint=row.fingerprint)
    return shape(row, viewer)


def _find(opened: Session, viewer: Viewer, identity: str) -> Key:
    row = keys.by_identity(opened, viewer.account.id, identity)
    if row is None:
        raise NotFound("Couldn't find that key.", "key")
    return row
