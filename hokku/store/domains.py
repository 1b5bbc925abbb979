"""Custom domains of apps. The default domain APP.APPS_DOMAIN is not a row: it follows from the app's name."""

from __future__ import annotations

import uuid

from sqlalchemy import select
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
