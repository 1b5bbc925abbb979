"""Uploaded source tarballs: a row and a file `sources_dir`/ID.tar.gz. Whoever has the secret may write and read it."""

from __future__ import annotations

import hmac
import secrets
import uuid
from pathlib import Path

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from hokku.errors import InvalidParams
from hokku.settings import settings
from hokku.store.accounts import hash_token
from hokku.store.tables import Account, Source

MOST = 1000  # sources of an account that were not built yet
MOST_BYTES = 10 * 1024**3  # of all of them together


class TooMany(InvalidParams):
    """The account has more sources waiting than it may."""


def create(opened: Session, account_id: uuid.UUID) -> tuple[Source, str]:
    """A new, empty source and its secret, which is told once. Raises TooMany."""
    held, size = _held(opened, account_id)
    if held >= MOST:
        raise TooMany(f"You have {held} sources that were not built yet: build one first. {_GO}")
    check_room(size, 0)
    secret = secrets.token_urlsafe(32)
    source = Source(account_id=account_id, secret_hash=hash_token(secret))
    opened.add(source)
    opened.flush()
    return source, secret


def check_room(held: int, size: int) -> None:
    """Raises TooMany when sources of `held` bytes and another of `size` are more than an account may have waiting."""
    if held + size > MOST_BYTES:
        limit = f"{MOST_BYTES // 1024**3} GB"
        raise TooMany(f"Your sources that were not built yet would be more than {limit}: build one first. {_GO}")


def arrived(opened: Session, source_id: uuid.UUID, size: int) -> None:
    """The source's tarball is there, of so many bytes. Raises TooMany."""
    source = opened.get_one(Source, source_id)
    _, held = _held(opened, source.account_id)
    check_room(held - (source.size or 0), size)
    source.size = size


def _held(opened: Session, account_id: uuid.UUID) -> tuple[int, int]:
    """How many sources of the account there are, and their bytes; nobody else adds one until the transaction ends."""
    opened.execute(select(Account.id).where(Account.id == account_id).with_for_update(key_share=True))
    query = select(func.count(), func.coalesce(func.sum(Source.size), 0)).where(Source.account_id == account_id)
    count, size = opened.execute(query).one()
    return count, int(size)


_GO = "They go once they are built, or after a day."


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
