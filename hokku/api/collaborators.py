"""/apps/A/collaborators: who else may use the app. Only the owner shares it; anyone may leave."""

from __future__ import annotations

import uuid

from fastapi import APIRouter
from pydantic import BaseModel
from sqlalchemy import select
from sqlalchemy.orm import Session

from hokku.api.access import AnyViewer, FullViewer, Opened, OwnedApp, Right, UsableApp, may
from hokku.api.shape import Json, app_ref, at, stamps, user_ref
from hokku.api.trail import leave
from hokku.errors import Forbidden, InvalidParams, NotFound
from hokku.store import accounts, apps
from hokku.store.tables import Account, App, Collaborator

router = APIRouter(prefix="/apps/{app}/collaborators")
_PERMISSIONS = ("deploy", "operate", "view")


class Create(BaseModel):
    user: str
    silent: bool = False


def _shape(app: App, account: Account, row: Collaborator | None) -> Json:
    stamped = {
        "id": str(uuid.uuid5(app.id, "owner")),
        "created_at": at(app.created_at),
        "updated_at": at(app.created_at),
    }
    names = _PERMISSIONS if row else (*_PERMISSIONS, "manage")
    return (stamps(row) if row else stamped) | {
        "app": app_ref(app),
        "permissions": [{"name": name, "description": f"{name} the app"} for name in sorted(names)],
        "role": "collaborator" if row else "owner",
        "user": user_ref(account) | {"federated": False},
    }


@router.get("")
def index(app: UsableApp, opened: Opened) -> list[Json]:
    """The owner and the collaborators."""
    rows = opened.execute(
        select(Account, Collaborator)
        .join(Collaborator, Collaborator.account_id == Account.id)
        .where(Collaborator.app_id == app.id)
        .order_by(Account.email)
    )
    return [_shape(app, apps.owner(opened, app), None), *(_shape(app, account, row) for account, row in rows)]


@router.post("", status_code=201)
def create(app: OwnedApp, wanted: Create, opened: Opened, viewer: FullViewer) -> Json:
    """Share the app with an account of this platform."""
    account = accounts.by_identity(opened, wanted.user)
    if account is None:
        raise NotFound(f"Couldn't find the user {wanted.user}. Ask the platform's admin for an account.", "user")
    if account.id == app.owner_id or apps.collaborates(opened, app.id, account.id):
        raise InvalidParams(f"{account.email} is already a collaborator on {app.name}")
    row = Collaborator(app_id=app.id, account_id=account.id)
    opened.add(row)
    opened.flush()
    leave(opened, viewer, "collaborator.create", app, f"Add collaborator {account.email}", user=account.email)
    return _shape(app, account, row)


@router.get("/{user}")
def info(app: UsableApp, user: str, opened: Opened) -> Json:
    """One collaborator, by email or id."""
    account, row = _find(opened, app, user)
    return _shape(app, account, row)


@router.delete("/{user}")
def delete(app: UsableApp, user: str, opened: Opened, viewer: AnyViewer) -> Json:
    """Share no longer: the owner with anyone, a collaborator with themselves."""
    account, row = _find(opened, app, user)
    if row is None:
        raise InvalidParams(f"{account.email} owns {app.name} and cannot be removed from it.")
    if viewer.limited or (account.id != viewer.account.id and not may(opened, viewer, app, Right.OWN)):
        raise Forbidden(f"Only the owner of {app.name} may remove collaborators.")
    opened.delete(row)
    leave(opened, viewer, "collaborator.delete", app, f"Remove collaborator {account.email}", user=account.email)
    return _shape(app, account, row)


def _find(opened: Session, app: App, identity: str) -> tuple[Account, Collaborator | None]:
    account = accounts.by_identity(opened, identity)
    row = None
    if account is not None:
        query = select(Collaborator).where(Collaborator.app_id == app.id, Collaborator.account_id == account.id)
        row = opened.scalar(query)
    if account is None or (row is None and account.id != app.owner_id):
        raise NotFound("Couldn't find that collaborator.", "collaborator")
    return account, row
