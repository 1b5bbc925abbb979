"""Custom domains of apps. The default domain APP.APPS_DOMAIN is not a row: it follows from the app's name."""

from __future__ import annotations

import uuid

from sqlalchemy import func, select, text
from sqlalchemy.orm import Session

from hokku.settings import settings
from hokku.store.tables import App, Domain


def default_hostname(app: App) -> str:
    """The hostname every app has."""
    return f"{app.name}.{settings().apps_domain}"


def by_hostname(opened: Session, hostname: str) -> Domain | None:
    """The custom domain with this hostname, whoever has it."""
    return opened.scalar(select(Domain).where(Domain.hostname == hostname))


def of_app(opened: Session, app_id: uuid.UUID) -> list[Domain]:
    """The app's custom domains, oldest first."""
    return list(opened.scalars(select(Domain).where(Domain.app_id == app_id).order_by(Domain.created_at)))


def by_identity(opened: Session, app_id: uuid.UUID, identity: str) -> Domain | None:
    """The app's custom domain with this id or hostname."""
    query = select(Domain).where(Domain.app_id == app_id)
    try:
        return opened.scalar(query.where(Domain.id == uuid.UUID(identity)))
    except ValueError:
        return opened.scalar(query.where(Domain.hostname == identity.lower()))


def overlaps(opened: Session, app: App, hostname: str) -> bool:
    """Whether an app of another owner has the wildcard that covers `hostname`, or hostnames that this wildcard covers.

    Until the transaction ends nobody else can add a domain for which the answer would be another one. Wildcards cover
    one label, as they do for routers and in certificates.
    """
    parent = hostname.partition(".")[2]
    opened.execute(text("SELECT pg_advisory_xact_lock(hashtextextended(:parent, 0))"), {"parent": parent})
    its_parent = func.substr(Domain.hostname, func.strpos(Domain.hostname, text("'.'")) + text("1"))
    query = (
        select(Domain.id)
        .join(App, App.id == Domain.app_id)
        .where(its_parent == parent, App.owner_id != app.owner_id)
        .limit(1)
    )
    if not hostname.startswith("*."):
        query = query.where(Domain.hostname == f"*.{parent}")
    return opened.scalar(query) is not None
