"""Accounts and their tokens. Passwords are kept as argon2, tokens as SHA-256: neither can be read back."""

from __future__ import annotations

import hashlib
import secrets
import uuid
from collections.abc import Collection
from datetime import timedelta

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from sqlalchemy import delete, func, or_, select
from sqlalchemy.orm import Session

from hokku.store.tables import Account, Authorization, now

_hasher = PasswordHasher()
_NOBODY = _hasher.hash(
    secrets.token_hex(16)
)  # checked for unknown emails, so that time does not tell who has an account


def hash_password(password: str) -> str:
    """The argon2 hash to store for `password`."""
    return _hasher.hash(password)


def password_fits(password_hash: str, password: str) -> bool:
    """Whether `password` is the one that was hashed."""
    try:
        return _hasher.verify(password_hash, password)
    except (VerificationError, InvalidHashError):
        return False


def hash_token(token: str) -> str:
    """What is stored of a token. SHA-256 is enough: tokens are random, so there is nothing to guess."""
    return hashlib.sha256(token.encode()).hexdigest()


def by_email(opened: Session, email: str) -> Account | None:
    """The account with this email, whatever its case."""
    if "\0" in email:
        return None
    return opened.scalar(select(Account).where(func.lower(Account.email) == email.strip().lower()))


def every(opened: Session) -> list[Account]:
    """All accounts, by their emails."""
    return list(opened.scalars(select(Account).order_by(Account.email)))


def by_ids(opened: Session, ids: Collection[uuid.UUID]) -> dict[uuid.UUID, Account]:
    """The accounts with these ids, by id."""
    return {row.id: row for row in opened.scalars(select(Account).where(Account.id.in_(ids)))}


def authorizations(opened: Session, account_id: uuid.UUID) -> list[Authorization]:
    """The account's tokens, oldest first, without those limited to an app."""
    query = select(Authorization).where(Authorization.account_id == account_id, Authorization.app_id.is_(None))
    return list(opened.scalars(query.order_by(Authorization.created_at)))


def described(opened: Session, account_id: uuid.UUID, description: str) -> list[Authorization]:
    """The account's tokens with this description."""
    query = select(Authorization).where(Authorization.account_id == account_id)
    return list(opened.scalars(query.where(Authorization.description == description)))


def authorization(opened: Session, account_id: uuid.UUID, identity: str) -> Authorization | None:
    """The account's authorization with this id, or of this token."""
    query = select(Authorization).where(Authorization.account_id == account_id)
    try:
        return opened.scalar(query.where(Authorization.id == uuid.UUID(identity)))
    except ValueError:
        return opened.scalar(query.where(Authorization.token_hash == hash_token(identity)))


def by_identity(opened: Session, identity: str) -> Account | None:
    """The account with this id or email."""
    try:
        return opened.get(Account, uuid.UUID(identity))
    except ValueError:
        return by_email(opened, identity)


def by_password(opened: Session, email: str, password: str) -> Account | None:
    """The account with this email and password."""
    account = by_email(opened, email)
    if password_fits(account.password_hash if account else _NOBODY, password):
        return account
    return None


def by_token(opened: Session, token: str) -> tuple[Account, Authorization] | None:
    """The account and authorization of a token that has not expired."""
    found = opened.execute(
        select(Account, Authorization)
        .join(Authorization, Authorization.account_id == Account.id)
        .where(
            Authorization.token_hash == hash_token(token),
            or_(Authorization.expires_at.is_(None), Authorization.expires_at > now()),
        )
    ).first()
    return (found[0], found[1]) if found else None


def create(opened: Session, email: str, password: str, *, name: str | None = None, admin: bool = False) -> Account:
    """A new account; the caller has made sure that the email is free."""
    account = Account(email=email.strip().lower(), password_hash=hash_password(password), name=name, admin=admin)
    opened.add(account)
    opened.flush()
    return account


def authorize(
    opened: Session,
    account_id: uuid.UUID,
    *,
    description: str = "",
    expires_in: int | None = None,
    app_id: uuid.UUID | None = None,
    scope: list[str] | None = None,
) -> tuple[Authorization, str]:
    """A new authorization and its token, which is told once. `expires_in` is seconds; `app_id` limits it to one app.

    The account's expired ones go away.
    """
    over = delete(Authorization).where(Authorization.account_id == account_id, Authorization.expires_at < now())
    opened.execute(over)  # those of git sessions would pile up
    token = _new_token()
    authorization = Authorization(
        account_id=account_id,
        token_hash=hash_token(token),
        description=description,
        app_id=app_id,
        scope=scope or ["global"],
        expires_at=now() + timedelta(seconds=expires_in) if expires_in else None,
    )
    opened.add(authorization)
    opened.flush()
    return authorization, token


def renew(authorization: Authorization) -> str:
    """A new token in place of the authorization's, told once."""
    token = _new_token()
    authorization.token_hash = hash_token(token)
    return token


def _new_token() -> str:
    return f"HOKKU-{secrets.token_urlsafe(40)}"
