"""Who is asking, and what may they do: the one place of the API that decides it.

A stranger is told the same as for an app that does not exist. A token limited to one app (a git session) opens that app
only, and never what only its owner may do.
"""

from __future__ import annotations

import base64
import binascii
import enum
import hmac
import ipaddress
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Annotated

from fastapi import Depends, Request
from sqlalchemy import Select
from sqlalchemy.orm import Session

from hokku.api import scopes
from hokku.api.rate import buckets, guesses
from hokku.errors import Forbidden, NotFound, Unauthorized
from hokku.settings import settings
from hokku.store import accounts, apps, pipelines
from hokku.store.engine import session
from hokku.store.pipelines import Pipeline
from hokku.store.tables import Account, App, Authorization

NO_APP = "Couldn't find that app."
NO_PIPELINE = "Couldn't find that pipeline."
PUSH_FROM = "X-Hokku-Push-From"  # a header: the address of the push's client


class Right(enum.Enum):
    """USE: see and push (owner, collaborator, admin). OWN: change anything else (owner, admin)."""

    USE = "use"
    OWN = "own"


@dataclass(frozen=True)
class Viewer:
    """Who asks: the account, the token it came with (None: a password), from which address, and the token itself."""

    account: Account
    authorization: Authorization | None
    address: str | None = None
    token: str | None = field(default=None, repr=False)

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
        return Viewer(found[0], found[1], address, password)
    if user and password:
        guesses.take(address)
        account = accounts.by_password(opened, user, password)
        if account is not None:
            guesses.give_back(address)
            return Viewer(account, None, address)
    raise Unauthorized("Invalid credentials provided.")


def admit(viewer: Viewer, method: str, path: str) -> None:
    """Check that the scope of the viewer's token opens a route, by the pattern of its path. Raises Forbidden."""
    if viewer.authorization is None or viewer.limited:
        return
    fit = scopes.fitting(method, path)
    if not set(fit) & set(viewer.authorization.scope):
        has = ", ".join(viewer.authorization.scope) or "none"
        raise Forbidden(f"The scope of this token ({has}) does not allow this. It needs one of: {', '.join(fit)}.")


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
    app = apps.by_identity(opened, identity, apps.usable_by(viewer.account))  # one query, whether it exists or not
    if app is None or (viewer.limited and viewer.authorization.app_id != app.id):
        raise NotFound(NO_APP, "app")
    if right is Right.OWN and not may(opened, viewer, app, Right.OWN):
        raise Forbidden(f"Only the owner of {app.name} may do this.")
    return app


def visible_pipelines(viewer: Viewer) -> Select[tuple[Pipeline]]:
    """The pipelines a viewer sees: their own, and those with an app that they may use."""
    return pipelines.every() if viewer.account.admin else pipelines.of_account(viewer.account.id)


def owns_pipeline(viewer: Viewer, pipeline: Pipeline) -> bool:
    """Whether the viewer may change the pipeline."""
    return viewer.account.admin or pipeline.owner_id == viewer.account.id


def find_pipeline(opened: Session, viewer: Viewer, identity: str, right: Right = Right.USE) -> Pipeline:
    """The pipeline with this id or name, for a viewer with this right.

    Raises NotFound for a missing pipeline and for a stranger alike, Forbidden when a user lacks the owner's right.
    """
    pipeline = pipelines.by_identity(opened, visible_pipelines(viewer), identity, viewer.account.id)
    if pipeline is None:
        raise NotFound(NO_PIPELINE, "pipeline")
    if right is Right.OWN and not owns_pipeline(viewer, pipeline):
        raise Forbidden(f"Only the owner of the pipeline {pipeline.name} may do this.")
    return pipeline


# FastAPI's side of it: what endpoints name as parameters


def _opened() -> Iterator[Session]:
    with session() as opened:
        yield opened


Opened = Annotated[Session, Depends(_opened, scope="function")]  # committed before the answer is sent


def address_of(request: Request) -> str | None:
    """The address the request came from."""
    return request.client.host if request.client else None


def told_address(text: str) -> str | None:
    """The address that the git receiver tells of a push's client, None when it is none."""
    try:
        return str(ipaddress.ip_address(text))
    except ValueError:
        return None


def _anyone(request: Request, opened: Opened) -> Viewer:
    viewer = authenticate(opened, request.headers.get("authorization"), address_of(request))
    if viewer.limited:  # the token of a push, which no user gets to see: its hook tells for whom it asks
        viewer = replace(viewer, address=told_address(request.headers.get(PUSH_FROM, "")) or viewer.address)
    request.scope["state"]["account"] = viewer.account.email
    request.scope["state"]["rate_limit_remaining"] = 0  # told with the refusal, if it comes to that
    request.scope["state"]["rate_limit_remaining"] = buckets.take(viewer.account.id)
    admit(viewer, request.method, request.scope["route"].path_format)
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


def _seen_pipeline(pipeline: str, opened: Opened, viewer: FullViewer) -> Pipeline:
    return find_pipeline(opened, viewer, pipeline, Right.USE)


def _owned_pipeline(pipeline: str, opened: Opened, viewer: FullViewer) -> Pipeline:
    return find_pipeline(opened, viewer, pipeline, Right.OWN)


SeenPipeline = Annotated[Pipeline, Depends(_seen_pipeline)]
OwnedPipeline = Annotated[Pipeline, Depends(_owned_pipeline)]


def _platform(request: Request) -> None:
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    expected = settings().git_token_file.read_text().strip()
    if scheme.lower() != "bearer" or not hmac.compare_digest(token.strip().encode(), expected.encode()):
        raise Unauthorized("Invalid credentials provided.")


PlatformOnly = Depends(_platform)  # the git receiver of this platform, with the token of `git_token_file`

# what `hokku.api.describe` reads off a route: whether it wants an account, and which checks may answer 403
VIEWER = _anyone
FORBIDDING = frozenset({_anyone, _unlimited, _admin, _owned, _owned_pipeline})
