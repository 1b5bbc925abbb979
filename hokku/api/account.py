"""/account and /users/~: who am I. /accounts: an admin makes others."""

from __future__ import annotations

import re

from fastapi import APIRouter, Request
from pydantic import BaseModel

from hokku.api import answers
from hokku.api.access import AdminViewer, AnyViewer, FullViewer, Opened
from hokku.api.ranges import Ranged
from hokku.api.shape import stamps
from hokku.api.trail import leave
from hokku.errors import Forbidden, InvalidParams, NotFound
from hokku.store import accounts
from hokku.store.tables import Account

router = APIRouter()
EMAIL = re.compile(r"[!-?A-~]{1,64}@[A-Za-z0-9.-]{1,190}")
SHORTEST_PASSWORD = 8


def shape(account: Account) -> answers.Account:
    """An account as Heroku shows it."""
    return stamps(account) | {
        "allow_tracking": False,
        "beta": False,
        "country_of_residence": None,
        "default_organization": None,
        "default_team": None,
        "delinquent_at": None,
        "email": account.email,
        "federated": False,
        "identity_provider": None,
        "last_login": None,
        "name": account.name,
        "sms_number": None,
        "suspended_at": None,
        "two_factor_authentication": False,
        "verified": True,
    }


class Change(BaseModel):
    name: str | None = None
    password: str | None = None
    new_password: str | None = None


class Create(BaseModel):
    email: str
    password: str
    name: str | None = None
    admin: bool = False


def checked_password(password: str) -> str:
    """The password, if it is long enough; raises InvalidParams."""
    if len(password) < SHORTEST_PASSWORD:
        raise InvalidParams(f"Password is too short (minimum is {SHORTEST_PASSWORD} characters)")
    return password


@router.get("/account")
def info(viewer: AnyViewer) -> answers.Account:
    """The account of the token."""
    return shape(viewer.account)


@router.get("/users/{user}")
def info_by_user(user: str, opened: Opened, viewer: AnyViewer) -> answers.Account:
    """The same account by `~`; by id or email also another's, to whom an app or a pipeline may be given."""
    found = viewer.account if user == "~" else accounts.by_identity(opened, user)
    if found is None or (viewer.limited and found.id != viewer.account.id):
        raise NotFound("Couldn't find that user.", "user")
    return shape(found)


@router.patch("/account")
def update(change: Change, opened: Opened, viewer: FullViewer) -> answers.Account:
    """Change the name, or with the present `password` the password."""
    account = viewer.account
    if change.name is not None:
        account.name = change.name
    if change.new_password is not None:
        if not accounts.password_fits(account.password_hash, change.password or ""):
            raise Forbidden("The present password is not right.")
        account.password_hash = accounts.hash_password(checked_password(change.new_password))
    leave(opened, viewer, "account.update", fields=sorted(change.model_fields_set))
    opened.flush()
    return shape(account)


@router.post("/accounts", status_code=201)
def create(wanted: Create, opened: Opened, viewer: AdminViewer) -> answers.Account:
    """A new account, made by an admin."""
    if not EMAIL.fullmatch(wanted.email):
        raise InvalidParams(f"{wanted.email!r} is not an email address.")
    if accounts.by_email(opened, wanted.email):
        raise InvalidParams(f"Email {wanted.email} is already taken")
    password = checked_password(wanted.password)
    account = accounts.create(opened, wanted.email, password, name=wanted.name, admin=wanted.admin)
    leave(opened, viewer, "account.create", email=account.email)
    return shape(account)


@router.get("/accounts")
def index(opened: Opened, viewer: AdminViewer, ranged: Ranged) -> list[answers.Account]:
    """Every account, for an admin."""
    return ranged([shape(account) for account in accounts.every(opened)], "id", "created_at", "updated_at")


@router.get("/account/rate-limits")
def rate_limits(viewer: AnyViewer, request: Request) -> answers.RateLimit:
    """How many requests are left; the answer's header tells it too."""
    return {"remaining": request.scope["state"]["rate_limit_remaining"]}
