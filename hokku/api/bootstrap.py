"""The first account, made by whoever installs the platform: an admin with a given password and token."""

from __future__ import annotations

from hokku.api.account import EMAIL, checked_password
from hokku.errors import InvalidParams
from hokku.store import accounts, events
from hokku.store.engine import session
from hokku.store.tables import Authorization

_DESCRIPTION = "First token, made when the platform was installed"


def bootstrap(email: str, password: str, token: str) -> bool:
    """Make the admin account, or bring it to this password and token; whether anything was changed."""
    if not EMAIL.fullmatch(email):
        raise InvalidParams(f"{email!r} is not an email address.")
    if len(token) < 20:
        raise InvalidParams("The token is too short (minimum is 20 characters).")
    checked_password(password)
    done = []
    with session() as opened:
        account = accounts.by_email(opened, email)
        if account is None:
            account = accounts.create(opened, email, password, admin=True)
            done.append("account")
        if not account.admin:
            account.admin = True
            done.append("admin")
        if not accounts.password_fits(account.password_hash, password):
            account.password_hash = accounts.hash_password(password)
            done.append("password")
        kept = accounts.described(opened, account.id, _DESCRIPTION)
        if [row.token_hash for row in kept] != [accounts.hash_token(token)]:
            for row in kept:
                opened.delete(row)
            opened.flush()
            row = Authorization(account_id=account.id, token_hash=accounts.hash_token(token), description=_DESCRIPTION)
            opened.add(row)
            done.append("token")
        if done:
            events.record(opened, "account.bootstrap", account_id=account.id, changed=done)
    return bool(done)
