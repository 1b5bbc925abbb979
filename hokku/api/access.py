"""Who is asking, and what may they do: the one place of the API that decides it.

A stranger is told the same as for an app that does not exist. A token limited to one app (a git session) opens that app
only, and never what only its owner may do.
"""

from __future__ import annotations

import base64
import binascii
import enum
import hmac
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Request
from sqlalchemy.orm import Session

from hokku.api.rate import buckets, guesses
from hokku.errors import Forbidden, NotFound, Unauthorized
from hokku.settings import settings
from hokku.store import accounts, apps
from hokku.store.engine import session
from hokku.store.tables import Account, App, Authorization

NO_APP = "Couldn't find that app."


class Right(enum.Enum):
    """USE: see, deploy, configure, scale (owner, collaborator, admin). OWN: rename, delete, share (owner, admin)."""

    USE = "use"
    OWN = "own"


@dataclass(frozen=True)
class Viewer:
    """Who asks: the account, the token it came with (None: a password), and from which address."""

    account: Account
    authorization: Authorization | None
    address: str | None = None

    @property
    def limited(self) -> bool:
        """Whether the token opens one app only."""
        return self.authorization is not None and self.authorization.app_id is not None


def authenticate(opened: Session, header: str | None, address: str | None = None) -> Viewer:
    """The viewer behind an Authorization header: Bearer TOKEN, Basic with a token or with email and password.

    Raises Unauthorized with the sentence Heroku's users know.
    """
    scheme, _, credentials = (header or "").strip().partition(" ")
    user, password = "", credentials.strip()
    if scheme.lower() == "basic":
        try:
            user, _, password = base64.b64decode(password, validate=True).decode().partition(":")
        except (binascii.Error, UnicodeDecodeError):
            raise Unauthorized("The Authorization header is not valid Basic authentication.") from None
    elif scheme.lower() != "bearer":
        raise Unauthorized(
            "There were no credentials in your `Authorization` header. "
            "Try `Authorization: Bearer <OAuth access token>`."
        )
    found = accounts.by_token(opened, password) if password else None
    if found is not None:
        return Viewer(found[0], found[1], address)
    if user and password:
        guesses.take(address)
        account = accounts.by_password(opened, user, password)
        if account is not None:
            guesses.give_back(address)
            return Viewer(account, None, address)
    raise Unauthorized("Invalid credentials provided.")


def may(opened: Session, viewer: Viewer, app: App, right: Right) -> bool:
    """Whether the viewer has this right on the app."""
    account = viewer.account
    if viewer.limited:
        return right is Right.USE and viewer.authorization.app_id == app.id and _uses(opened, account, app)
    if account.admin or app.owner_id == account.id:
        return True
    return right is Right.USE and apps.collaborates(opened, app.id, account.id)


def _uses(opened: Session, account: Account, app: App) -> bool:
    return account.admin or app.owner_id == account.id or apps.collaborates(opened, app.id, account.id)


def find_app(opened: Session, viewer: Viewer, identity: str, right: Right = Right.USE) -> App:
    """The app with this id or name, for a viewer with this right.

    Raises NotFound for a missing app and for a stranger alike, Forbidden when a user lacks the owner's right.
    """
    app = apps.by_identity(opened, identity)
    if app is None or not may(opened, viewer, app, Right.USE):
        raise NotFound(NO_APP, "app")
    if right is Right.OWN and not may(opened, viewer, app, Right.OWN):
        raise Forbidden(f"Only the owner of {app.name} may do this.")
    return app


# FastAPI's side of it: what endpoints name as parameters


def _opened() -> Iterator[Session]:
    with session() as opened:
        yield opened


Opened = Annotated[Session, Depends(_opened, scope="function")]  # committed before the answer is sent


def address_of(request: Request) -> str | None:
    """The address the request came from."""
    return request.client.host if request.client else None


def _anyone(request: Request, opened: Opened) -> Viewer:
    viewer = authenticate(opened, request.headers.get("authorization"), address_of(request))
    request.scope["state"]["account"] = viewer.account.email
    request.scope["state"]["rate_limit_remaining"] = buckets.take(viewer.account.id)
    return viewer


AnyViewer = Annotated[Viewer, Depends(_anyone)]  # also a token limited to one app


def _unlimited(viewer: AnyViewer) -> Viewer:
    if viewer.limited:
        raise Forbidden("This token is limited to one app. Use a token of the account.")
    return viewer


FullViewer = Annotated[Viewer, Depends(_unlimited)]


def _admin(viewer: FullViewer) -> Viewer:
    if not viewer.account.admin:
        raise Forbidden("Only an admin of the platform may do this.")
    return viewer


AdminViewer = Annotated[Viewer, Depends(_admin)]


def _usable(app: str, opened: Opened, viewer: AnyViewer) -> App:
    return find_app(opened, viewer, app, Right.USE)


def _owned(app: str, opened: Opened, viewer: AnyViewer) -> App:
    return find_app(opened, viewer, app, Right.OWN)


UsableApp = Annotated[App, Depends(_usable)]
OwnedApp = Annotated[App, Depends(_owned)]


def _platform(request: Request) -> None:
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    expected = settings().git_token_file.read_text().strip()
    if scheme.lower() != "bearer" or not hmac.compare_digest(token.strip().encode(), expected.encode()):
        raise Unauthorized("Invalid credentials provided.")


PlatformOnly = Depends(_platform)  # the git receiver of this platform, with the token of `git_token_file`
