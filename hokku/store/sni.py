"""SNI endpoints: an app's certificates with their private keys, which are encrypted with a key kept elsewhere."""

from __future__ import annotations

import logging
import uuid
from collections.abc import Collection, Mapping

from cryptography.fernet import InvalidToken
from sqlalchemy import ForeignKey, ForeignKeyConstraint, select, update
from sqlalchemy.orm import Mapped, Session, mapped_column

from hokku.store.sealed import seal, unseal
from hokku.store.tables import App, Base, Domain, _Row, now

log = logging.getLogger(__name__)
_closed: set[uuid.UUID] = set()  # endpoints whose key does not open, which the log was told once


class SniEndpoint(_Row, Base):
    """`digest` is the SHA-256 of chain and key as routers get them, `details` what the certificate says of itself."""

    __tablename__ = "sni_endpoints"
    app_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("apps.id", ondelete="CASCADE"), index=True)
    name: Mapped[str] = mapped_column(unique=True)
    certificate_chain: Mapped[str]
    private_key: Mapped[str]  # sealed
    digest: Mapped[str] = mapped_column(index=True)
    details: Mapped[dict]


# `hokku.store.tables` cannot name this table, which is not always there when that one is.
_reference = ForeignKeyConstraint([Domain.sni_endpoint_id], [SniEndpoint.id], ondelete="SET NULL")
Domain.__table__.append_constraint(_reference)


def of_app(opened: Session, app_id: uuid.UUID) -> list[SniEndpoint]:
    """The app's endpoints, oldest first."""
    return list(
        opened.scalars(select(SniEndpoint).where(SniEndpoint.app_id == app_id).order_by(SniEndpoint.created_at))
    )


def by_identity(opened: Session, app_id: uuid.UUID, identity: str) -> SniEndpoint | None:
    """The app's endpoint with this id or name."""
    query = select(SniEndpoint).where(SniEndpoint.app_id == app_id)
    try:
        return opened.scalar(query.where(SniEndpoint.id == uuid.UUID(identity)))
    except ValueError:
        return opened.scalar(query.where(SniEndpoint.name == identity))


def name_is_taken(opened: Session, name: str) -> bool:
    """Whether an endpoint of any app has this name."""
    return opened.scalar(select(SniEndpoint.id).where(SniEndpoint.name == name)) is not None


def keep(row: SniEndpoint, chain: str, private_key: str, digest: str, details: dict) -> None:
    """Give the endpoint this certificate."""
    row.certificate_chain, row.private_key = chain, seal(private_key)
    row.digest, row.details = digest, details


def domains_of(opened: Session, app_id: uuid.UUID) -> list[Domain]:
    """The app's domains that have an endpoint, by hostname."""
    query = select(Domain).where(Domain.app_id == app_id, Domain.sni_endpoint_id.is_not(None))
    return list(opened.scalars(query.order_by(Domain.hostname)))


def detach(opened: Session, row: SniEndpoint) -> None:
    """The endpoint's domains have none any more."""
    query = update(Domain).where(Domain.sni_endpoint_id == row.id).values(sni_endpoint_id=None, updated_at=now())
    opened.execute(query)


def ends(opened: Session) -> list[tuple[str, str]]:
    """(name of the app, when its certificate ends as ISO 8601) of every endpoint of an app that was not deleted."""
    query = select(App.name, SniEndpoint.details["expires_at"].astext).join(App, App.id == SniEndpoint.app_id)
    return [(name, end) for name, end in opened.execute(query.where(App.archived_at.is_(None)))]


def bundles(opened: Session, digests: Collection[str]) -> Mapping[str, str]:
    """Chain and key (PEM) by digest. What no key opens is left out, and told in the log."""
    found = {}
    for row in opened.scalars(select(SniEndpoint).where(SniEndpoint.digest.in_(digests))):
        try:
            found[row.digest] = row.certificate_chain + unseal(row.private_key)
        except InvalidToken:
            if row.id not in _closed:
                log.error("the private key of SNI endpoint %s opens with no key of config_key_file", row.name)
            _closed.add(row.id)
    return found
