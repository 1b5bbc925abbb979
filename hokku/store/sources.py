"""Uploaded source tarballs: a row and a file `sources_dir`/ID.tar.gz. Whoever has the secret may write and read it."""

from __future__ import annotations

import hmac
import secrets
import uuid
from pathlib import Path

from sqlalchemy.orm import Session

from hokku.settings import settings
from hokku.store.accounts import hash_token
from hokku.store.tables import Source


def create(opened: Session, account_id: uuid.UUID) -> tuple[Source, str]:
    """A new, empty source and its secret, which is told once."""
    secret = secrets.token_urlsafe(32)
    source = Source(account_id=account_id, secret_hash=hash_token(secret))
    opened.add(source)
    opened.flush()
    return source, secret


def by_secret(opened: Session, identity: str, secret: str) -> Source | None:
    """The source with this id, if `secret` is its secret."""
    try:
        source = opened.get(Source, uuid.UUID(identity))
    except ValueError:
        return None
    if source is None or not hmac.compare_digest(source.secret_hash, hash_token(secret)):
        return None
    return source


def path(source_id: uuid.UUID) -> Path:
    """Where the tarball of the source is (or will be)."""
    return settings().sources_dir / f"{source_id}.tar.gz"
