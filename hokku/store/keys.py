"""SSH public keys of accounts."""

from __future__ import annotations

import uuid

from sqlalchemy import select
from sqlalchemy.orm import Session

from hokku.store.tables import Account, Key


def by_fingerprint(opened: Session, fingerprint: str) -> tuple[Key, Account] | None:
    """The key with this fingerprint (`SHA256:…`) and whose it is."""
    found = opened.execute(
        select(Key, Account).join(Account, Account.id == Key.account_id).where(Key.fingerprint == fingerprint)
    ).first()
    return (found[0], found[1]) if found else None


def by_identity(opened: Session, account_id: uuid.UUID, identity: str) -> Key | None:
    """The account's key with this id or fingerprint."""
    query = select(Key).where(Key.account_id == account_id)
    try:
        return opened.scalar(query.where(Key.id == uuid.UUID(identity)))
    except ValueError:
        return opened.scalar(query.where(Key.fingerprint == identity))


def of_account(opened: Session, account_id: uuid.UUID) -> list[Key]:
    """The account's keys, oldest first."""
    return list(opened.scalars(select(Key).where(Key.account_id == account_id).order_by(Key.created_at)))
