"""/apps/A/collaborators: who else may use the app. Only the owner shares it; anyone may leave."""

from __future__ import annotations

import uuid

from fastapi import APIRouter
from pydantic import BaseModel
from sqlalchemy.orm import Session

from hokku.api import answers
from hokku.api.access import AnyViewer, FullViewer, Opened, OwnedApp, Right, UsableApp, may
from hokku.api.ranges import Ranged
from hokku.api.shape import app_ref, at, stamps, user_ref
from hokku.api.trail import leave
from hokku.errors import Forbidden, InvalidParams, NotFound
from hokku.store import accounts, apps
from hokku.store.tables import Account, App, Collaborator

router = APIRouter(prefix="/apps/{app}/collaborators")
_PERMISSIONS = ("deploy", "operate", "view")


class Create(BaseModel):
    user: str
    silent: bool = False


def _owner_id(app: App) -> str:
    return str(uuid.uuid5(app.id, "owner"))


def shape(app: App, account: Account, row: Collaborator | None) -> answers.Collaborator:
    """Who may use the app; `row` is None for its owner."""
    stamped = {
        "id": _owner_id(app),
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
def index(app: UsableApp, opened: Opened, ranged: Ranged) -> list[answers.Collaborator]:
    """The owner and the collaborators."""
    rows = apps.collaborators(opened, app.id)
    found = [shape(app, apps.owner(opened, app), None), *(shape(app, account, row) for account, row in rows)]
    return ranged(found, "id", "created_at", "updated_at")


@router.post("", status_code=201)
def create(app: OwnedApp, wanted: Create, opened: Opened, viewer: FullViewer) -> answers.Collaborator:
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
    return shape(app, account, row)


@router.get("/{user}")
def info(app: UsableApp, user: str, opened: Opened) -> answers.Collaborator:
    """One collaborator, by email or id."""
    account, row = _find(opened, app, user)
    return shape(app, account, row)


@router.delete("/{user}")
def delete(app: UsableApp, user: str, opened: Opened, viewer: AnyViewer) -> answers.Collaborator:
    """Share no longer: the owner with anyone, a collaborator with themselves."""
    account, row = _find(opened, app, user)
    if row is None:
        raise InvalidParams(f"{account.email} owns {app.name} and cannot be removed from it.")
    if viewer.limited or (account.id != viewer.account.id and not may(opened, viewer, app, Right.OWN)):
        raise Forbidden(f"Only the owner of {app.name} may remove collaborators.")
    opened.delete(row)
    leave(opened, viewer, "collaborator.delete", app, f"Remove collaborator {account.email}", user=account.email)
    return shape(app, account, row)


def _find(opened: Session, app: App, identity: str) -> tuple[Account, Collaborator | None]:
    """By the collaborator's own id, or the account's id or email; no row for the owner."""
    account = apps.owner(opened, app) if identity == _owner_id(app) else accounts.by_identity(opened, identity)
    row = apps.collaborator(opened, app.id, identity if account is None else account.id)
    if account is None and row is not None:
        account = opened.get_one(Account, row.account_id)
    if account is None or (row is None and account.id != app.owner_id):
        raise NotFound("Couldn't find that collaborator.", "collaborator")
    return account, row
