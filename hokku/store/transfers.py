"""Transfers of apps from one account to another, and the change of owner itself."""

from __future__ import annotations

import enum
import uuid

from sqlalchemy import ForeignKey, Select, delete, or_, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from hokku.store import apps
from hokku.store.tables import App, Base, Collaborator, _Row


class TransferState(enum.StrEnum):
    PENDING = "pending"
    ACCEPTED = "accepted"
    DECLINED = "declined"


class Transfer(_Row, Base):
    """An app offered by `owner_id` to `recipient_id`."""

    __tablename__ = "app_transfers"
    app_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("apps.id", ondelete="CASCADE"), index=True)
    owner_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("accounts.id", ondelete="CASCADE"))
    recipient_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("accounts.id", ondelete="CASCADE"))
    state: Mapped[TransferState] = mapped_column(default=TransferState.PENDING)


def of_account(account_id: uuid.UUID) -> Select[tuple[Transfer]]:
    """The transfers from or to the account, of apps that were not deleted."""
    living = select(App.id).where(App.archived_at.is_(None))
    mine = or_(Transfer.owner_id == account_id, Transfer.recipient_id == account_id)
    return select(Transfer).where(mine, Transfer.app_id.in_(living))


def by_identity(opened: Session, account_id: uuid.UUID, identity: str, *, hold: bool = False) -> Transfer | None:
    """The account's transfer with this id, or its newest of the app with this name.

    `hold`: nobody else answers it or takes it back until the transaction ends; one that is gone by then is None.
    """
    query = of_account(account_id)
    try:
        query = query.where(Transfer.id == uuid.UUID(identity))
    except ValueError:
        query = query.where(Transfer.app_id.in_(select(App.id).where(App.name == identity)))
    if hold:
        query = query.with_for_update(of=Transfer).execution_options(populate_existing=True)
    return opened.scalar(query.order_by(Transfer.created_at.desc()).limit(1))


def withdraw(opened: Session, app_id: uuid.UUID) -> None:
    """Forget what is offered of the app and was not answered."""
    opened.execute(delete(Transfer).where(Transfer.app_id == app_id, Transfer.state == TransferState.PENDING))


def give(opened: Session, app: App, recipient_id: uuid.UUID) -> None:
    """Make the account the app's owner; who owned it stays as a collaborator (Heroku)."""
    before = app.owner_id
    if before == recipient_id:
        return
    opened.execute(delete(Collaborator).where(Collaborator.app_id == app.id, Collaborator.account_id == recipient_id))
    app.owner_id = recipient_id
    if not apps.collaborates(opened, app.id, before):
        opened.add(Collaborator(app_id=app.id, account_id=before))
    opened.flush()
