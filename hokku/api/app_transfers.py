"""/account/app-transfers: an app offered to another account, who becomes its owner."""

from __future__ import annotations

from typing import Literal

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel
from sqlalchemy.orm import Session

from hokku.api import answers
from hokku.api.access import FullViewer, Opened, Right, Viewer, find_app, may
from hokku.api.ranges import page
from hokku.api.shape import app_ref, stamps, user_ref
from hokku.api.trail import leave
from hokku.errors import Forbidden, InvalidParams, NotFound
from hokku.store import accounts, apps, transfers
from hokku.store.tables import Account, App
from hokku.store.transfers import Transfer, TransferState

router = APIRouter(prefix="/account/app-transfers")
_NO_MAIL = "This platform sends no email. {} accepts with PATCH /account/app-transfers/{} and state=accepted."


class Create(BaseModel):
    app: str
    recipient: str
    silent: bool = False


class Change(BaseModel):
    state: Literal["pending", "accepted", "declined"]


def _shape(opened: Session, transfer: Transfer) -> answers.AppTransfer:
    return stamps(transfer) | {
        "app": app_ref(opened.get_one(App, transfer.app_id)),
        "owner": user_ref(opened.get(Account, transfer.owner_id)),
        "recipient": user_ref(opened.get(Account, transfer.recipient_id)),
        "state": transfer.state.value,
    }


@router.post("", status_code=201)
def create(wanted: Create, response: Response, opened: Opened, viewer: FullViewer) -> answers.AppTransfer:
    """Offer an app. A collaborator has it at once, and so has anyone to whom an admin gives it; others accept first."""
    app = find_app(opened, viewer, wanted.app, Right.OWN)
    recipient = accounts.by_identity(opened, wanted.recipient)
    if recipient is None:
        raise NotFound(f"Couldn't find the user {wanted.recipient}. Ask the platform's admin for an account.", "user")
    if recipient.id == app.owner_id:
        raise InvalidParams(f"{recipient.email} owns {app.name} already.")
    transfers.withdraw(opened, app.id)
    transfer = Transfer(app_id=app.id, owner_id=app.owner_id, recipient_id=recipient.id)
    opened.add(transfer)
    opened.flush()
    if viewer.account.admin or apps.collaborates(opened, app.id, recipient.id):
        _complete(opened, viewer, transfer, app, recipient)
    else:
        text = f"Offer to {recipient.email}"
        leave(opened, viewer, "app-transfer.create", app, text, recipient=recipient.email)
        response.headers["Warning-Message"] = _NO_MAIL.format(recipient.email, transfer.id)
    return _shape(opened, transfer)


@router.get("")
def index(request: Request, response: Response, opened: Opened, viewer: FullViewer) -> list[answers.AppTransfer]:
    """What the account offered and what was offered to it."""
    query = transfers.of_account(viewer.account.id)
    columns = {"id": Transfer.id, "created_at": Transfer.created_at}
    return [_shape(opened, row) for row in page(opened, request, response, query, columns)]


@router.get("/{transfer}")
def info(transfer: str, opened: Opened, viewer: FullViewer) -> answers.AppTransfer:
    """One transfer, by id or by the app's name."""
    return _shape(opened, _find(opened, viewer, transfer))


@router.patch("/{transfer}")
def update(transfer: str, change: Change, opened: Opened, viewer: FullViewer) -> answers.AppTransfer:
    """Accept or decline what was offered."""
    found = _find(opened, viewer, transfer, hold=True)
    if found.recipient_id != viewer.account.id:
        raise Forbidden("Only the recipient may accept or decline a transfer. Delete it to take it back.")
    if change.state != found.state.value:
        _still_open(found)
        app = opened.get_one(App, found.app_id)
        if change.state == "accepted":
            _complete(opened, viewer, found, app, viewer.account)
        else:
            found.state = TransferState.DECLINED
            leave(opened, viewer, "app-transfer.decline", app, "Decline transfer")
        opened.flush()
    return _shape(opened, found)


@router.delete("/{transfer}")
def delete(transfer: str, opened: Opened, viewer: FullViewer) -> answers.AppTransfer:
    """Take back what was offered and not answered."""
    found = _find(opened, viewer, transfer, hold=True)
    app = opened.get_one(App, found.app_id)
    if not may(opened, viewer, app, Right.OWN):
        raise Forbidden(f"Only the owner of {app.name} may take the transfer back. Decline it instead.")
    _still_open(found)
    gone = _shape(opened, found)
    opened.delete(found)
    leave(opened, viewer, "app-transfer.delete", app, "Take back transfer")
    return gone


def _complete(opened: Session, viewer: Viewer, transfer: Transfer, app: App, recipient: Account) -> None:
    transfer.state = TransferState.ACCEPTED
    opened.flush()
    transfers.withdraw(opened, app.id)
    transfers.give(opened, app, recipient.id)
    leave(opened, viewer, "app.transfer", app, f"Transferred to {recipient.email}", owner=recipient.email)


def _still_open(transfer: Transfer) -> None:
    if transfer.state is not TransferState.PENDING:
        raise InvalidParams(f"This transfer was {transfer.state.value} already. Start a new one with apps:transfer.")


def _find(opened: Session, viewer: Viewer, identity: str, *, hold: bool = False) -> Transfer:
    found = transfers.by_identity(opened, viewer.account.id, identity, hold=hold)
    if found is None:
        raise NotFound("Couldn't find that app transfer.", "app_transfer")
    return found
