"""Accounts, their tokens and keys."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from hokku.api.answers.words import Email, Id, Moment, NamedRef, Shape, Stamped


class Account(Stamped):
    """A person, or a machine, that uses the platform."""

    allow_tracking: bool
    beta: bool
    country_of_residence: str | None
    default_organization: NamedRef | None
    default_team: NamedRef | None
    delinquent_at: Moment | None
    email: Email
    federated: bool
    identity_provider: NamedRef | None
    last_login: Moment | None
    name: Annotated[str | None, Field(description="full name")]
    sms_number: str | None
    suspended_at: Moment | None
    two_factor_authentication: bool
    verified: bool


class Token(Shape):
    """A token; its text is told only in the answer that makes it."""

    id: Id
    expires_in: Annotated[int | None, Field(description="seconds until it stops working; null: never")]
    token: str


class Client(Shape):
    """An OAuth client; there are none yet."""

    id: Id
    name: str
    redirect_uri: str


class Grant(Shape):
    """An OAuth grant; there are none yet."""

    id: Id
    code: str
    expires_in: int


class TokenUser(Shape):
    """Whose token it is."""

    id: Id
    email: Email
    full_name: str | None


class Session(Shape):
    """A browser session; there are none yet."""

    id: Id


class Authorization(Stamped):
    """A token of an account, and what it is for."""

    access_token: Token | None
    client: Client | None
    description: str
    grant: Grant | None
    refresh_token: Token | None
    scope: list[str]
    session: Session | None
    user: TokenUser


class Key(Stamped):
    """An SSH public key that may push."""

    comment: str
    email: Email
    fingerprint: Annotated[str, Field(description="as `ssh-keygen -lf` prints it: SHA256:…")]
    public_key: str


class RateLimit(Shape):
    """How many requests the account has left."""

    remaining: int
