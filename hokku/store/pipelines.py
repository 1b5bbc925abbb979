"""Pipelines: apps in stages of one flow, and promotions of a slug from one to others.

A promotion's status is not kept: it is that of the releases it made.
"""

from __future__ import annotations

import uuid
from collections.abc import Collection

from sqlalchemy import ForeignKey, Select, UniqueConstraint, or_, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from hokku.store.tables import App, Base, Collaborator, Release, _Row

STAGES = ("review", "development", "staging", "production")


class Pipeline(_Row, Base):
    __tablename__ = "pipelines"
    __table_args__ = (UniqueConstraint("owner_id", "name"),)
    name: Mapped[str]
    owner_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("accounts.id"))


class Coupling(_Row, Base):
    """An app in a pipeline; an app is in one at most."""

    __tablename__ = "pipeline_couplings"
    pipeline_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("pipelines.id", ondelete="CASCADE"), index=True)
    app_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("apps.id", ondelete="CASCADE"), unique=True)
    stage: Mapped[str]


class Promotion(_Row, Base):
    __tablename__ = "pipeline_promotions"
    pipeline_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("pipelines.id", ondelete="CASCADE"), index=True)
    app_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("apps.id", ondelete="CASCADE"))
    release_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("releases.id", ondelete="CASCADE"))


class PromotionTarget(_Row, Base):
    """An app promoted to, and the release that did it."""

    __tablename__ = "pipeline_promotion_targets"
    promotion_id: Mapped[uuid.UUID] = mapped_column(
        ForeignKey("pipeline_promotions.id", ondelete="CASCADE"), index=True
    )
    app_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("apps.id", ondelete="CASCADE"))
    release_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("releases.id", ondelete="CASCADE"))


def every() -> Select[tuple[Pipeline]]:
    """All pipelines."""
    return select(Pipeline)


def of_account(account_id: uuid.UUID) -> Select[tuple[Pipeline]]:
    """The pipelines that the account owns, and those with an app that it may use."""
    shared = select(Collaborator.app_id).where(Collaborator.account_id == account_id)
    coupled = (
        select(Coupling.pipeline_id)
        .join(App, App.id == Coupling.app_id)
        .where(App.archived_at.is_(None), or_(App.owner_id == account_id, App.id.in_(shared)))
    )
    return every().where(or_(Pipeline.owner_id == account_id, Pipeline.id.in_(coupled)))


def by_ids(opened: Session, ids: Collection[uuid.UUID]) -> dict[uuid.UUID, Pipeline]:
    """The pipelines with these ids, by id."""
    return {row.id: row for row in opened.scalars(every().where(Pipeline.id.in_(ids)))}


def by_identity(
    opened: Session, among: Select[tuple[Pipeline]], identity: str, account_id: uuid.UUID
) -> Pipeline | None:
    """The pipeline with this id or name, among those; of several with one name the account's own, else the oldest."""
    try:
        found = among.where(Pipeline.id == uuid.UUID(identity))
    except ValueError:
        found = among.where(Pipeline.name == identity)
    own_first = (Pipeline.owner_id == account_id).desc()
    return opened.scalar(found.order_by(own_first, Pipeline.created_at).limit(1))


def name_is_taken(opened: Session, owner_id: uuid.UUID, name: str) -> bool:
    """Whether the account has a pipeline of this name."""
    query = select(Pipeline.id).where(Pipeline.owner_id == owner_id, Pipeline.name == name)
    return opened.scalar(query) is not None


def couplings(pipeline_ids: Collection[uuid.UUID] | None = None) -> Select[tuple[Coupling]]:
    """The couplings of these pipelines, or of all."""
    query = select(Coupling).join(App, App.id == Coupling.app_id).where(App.archived_at.is_(None))
    return query if pipeline_ids is None else query.where(Coupling.pipeline_id.in_(pipeline_ids))


def usable(query: Select[tuple[Coupling]], account_id: uuid.UUID) -> Select[tuple[Coupling]]:
    """Of couplings, those the account may see: of apps it may use, and of pipelines it owns."""
    shared = select(Collaborator.app_id).where(Collaborator.account_id == account_id)
    owned = select(Pipeline.id).where(Pipeline.owner_id == account_id)
    return query.where(or_(App.owner_id == account_id, App.id.in_(shared), Coupling.pipeline_id.in_(owned)))


def coupling_of(opened: Session, app_id: uuid.UUID) -> Coupling | None:
    """The coupling of the app."""
    return opened.scalar(select(Coupling).where(Coupling.app_id == app_id))


def apps_of(opened: Session, pipeline_id: uuid.UUID) -> dict[uuid.UUID, App]:
    """The apps in the pipeline, by id."""
    query = select(App).join(Coupling, Coupling.app_id == App.id)
    rows = opened.scalars(query.where(Coupling.pipeline_id == pipeline_id, App.archived_at.is_(None)))
    return {row.id: row for row in rows}


def targets(opened: Session, promotion_id: uuid.UUID) -> list[tuple[PromotionTarget, Release]]:
    """The promotion's targets, each with its release."""
    query = (
        select(PromotionTarget, Release)
        .join(Release, Release.id == PromotionTarget.release_id)
        .where(PromotionTarget.promotion_id == promotion_id)
        .order_by(PromotionTarget.created_at, PromotionTarget.id)
    )
    return [(target, release) for target, release in opened.execute(query)]
