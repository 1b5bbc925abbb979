"""Apps and who may see them. An app that was deleted is archived: it is found by nobody, and its name is free again."""

from __future__ import annotations

import uuid
from collections.abc import Collection

from sqlalchemy import Select, or_, select
from sqlalchemy.orm import Session

from hokku.store.drains import Drain
from hokku.store.pipelines import Coupling
from hokku.store.sni import SniEndpoint
from hokku.store.tables import Account, App, Authorization, Collaborator, Domain, now


def living() -> Select[tuple[App]]:
    """The apps that are not archived."""
    return select(App).where(App.archived_at.is_(None))


def of_account(account_id: uuid.UUID) -> Select[tuple[App]]:
    """The apps that the account owns or collaborates on."""
    shared = select(Collaborator.app_id).where(Collaborator.account_id == account_id)
    return living().where(or_(App.owner_id == account_id, App.id.in_(shared)))


def usable_by(account: Account) -> Select[tuple[App]]:
    """The apps that the account may use: its own and those shared with it, all for an admin."""
    return living() if account.admin else of_account(account.id)


def by_identity(opened: Session, identity: str, among: Select[tuple[App]] | None = None) -> App | None:
    """The living app with this id or name, `among` others than all of them."""
    query = living() if among is None else among
    try:
        return opened.scalar(query.where(App.id == uuid.UUID(identity)))
    except ValueError:
        return opened.scalar(query.where(App.name == identity))


def ids(opened: Session, names: Collection[str] | None = None) -> dict[str, uuid.UUID]:
    """The ids of the living apps by their names, in the order of these: of all, or of those in `names`."""
    query = select(App.name, App.id).where(App.archived_at.is_(None)).order_by(App.name)
    if names is not None:
        query = query.where(App.name.in_(names))
    return {name: app_id for name, app_id in opened.execute(query)}


def lock(opened: Session, app_id: uuid.UUID) -> App | None:
    """The app as it is now, of which nobody else makes or forgets a release until the transaction ends; None: gone.

    The transaction may have rows that refer to the app already: FOR UPDATE would have two such wait for each other.
    """
    query = select(App).where(App.id == app_id).with_for_update(key_share=True)
    return opened.scalar(query.execution_options(populate_existing=True))


def name_is_taken(opened: Session, name: str) -> bool:
    """Whether a living app has this name."""
    return opened.scalar(select(App.id).where(App.name == name)) is not None


def collaborator(opened: Session, app_id: uuid.UUID, identity: uuid.UUID | str) -> Collaborator | None:
    """The app's collaborator with this id, or of the account with this id."""
    try:
        either = identity if isinstance(identity, uuid.UUID) else uuid.UUID(identity)
    except ValueError:
        return None
    query = select(Collaborator).where(Collaborator.app_id == app_id)
    return opened.scalar(query.where(or_(Collaborator.id == either, Collaborator.account_id == either)))


def collaborators(opened: Session, app_id: uuid.UUID) -> list[tuple[Account, Collaborator]]:
    """The app's collaborators by their emails, without the owner."""
    query = select(Account, Collaborator).join(Collaborator, Collaborator.account_id == Account.id)
    rows = opened.execute(query.where(Collaborator.app_id == app_id).order_by(Account.email))
    return [(account, row) for account, row in rows]


def collaborates(opened: Session, app_id: uuid.UUID, account_id: uuid.UUID) -> bool:
    """Whether the account is a collaborator of the app."""
    query = select(Collaborator.id).where(Collaborator.app_id == app_id, Collaborator.account_id == account_id)
    return opened.scalar(query) is not None


def owner(opened: Session, app: App) -> Account:
    """The account that owns the app."""
    return opened.get_one(Account, app.owner_id)


def archive(opened: Session, app: App) -> None:
    """Delete the app as far as users can tell: the manifold then removes its dynos and routes.

    Name, domains, its place in a pipeline and tokens limited to it are free at once, log drains end, certificates
    and their keys are gone. The row stays under a name that no user can choose.
    """
    app.archived_at = now()
    app.name = f"~{app.id.hex}"
    for table in (Domain, SniEndpoint, Collaborator, Authorization, Coupling, Drain):
        for row in opened.scalars(select(table).where(table.app_id == app.id)):
            opened.delete(row)
