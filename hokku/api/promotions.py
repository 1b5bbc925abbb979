"""/pipeline-promotions: the slug of one app released on others of its pipeline. Nothing is built again."""

from __future__ import annotations

import uuid

from fastapi import APIRouter
from pydantic import BaseModel, Field
from sqlalchemy.orm import Session

from hokku import release as cut
from hokku.api import answers
from hokku.api.access import (
    FullViewer,
    Opened,
    Right,
    Viewer,
    find_app,
    find_pipeline,
    may,
    owns_pipeline,
    visible_pipelines,
)
from hokku.api.ranges import Ranged
from hokku.api.shape import stamps
from hokku.api.trail import leave
from hokku.errors import InvalidParams, NotFound
from hokku.store import pipelines, releases, rollouts
from hokku.store.pipelines import Pipeline, Promotion, PromotionTarget
from hokku.store.tables import App, Release, ReleaseStatus, Rollout

router = APIRouter()
_PENDING, _SUCCEEDED, _FAILED = "pending", "succeeded", "failed"


class Which(BaseModel):
    id: str


class Source(BaseModel):
    app: Which
    release: Which | None = None


class Target(BaseModel):
    app: Which


class Create(BaseModel):
    pipeline: Which
    source: Source
    targets: list[Target] = Field(min_length=1, max_length=100)


def outcome(release: Release, rollout: Rollout | None) -> tuple[str, str | None]:
    """How far a target is, with the reason if it failed: `rollout` is how far the manifold is with its app.

    A release that succeeded is pending until routers send requests to it alone, as a push is.
    """
    if release.status is ReleaseStatus.PENDING:
        return _PENDING, None
    if release.status is not ReleaseStatus.SUCCEEDED:
        return _FAILED, release.error or "the platform gave no reason"
    if rollout is None or rollout.release_id != release.id:
        return _SUCCEEDED, None
    if rollout.state == rollouts.FAILED:
        return _FAILED, rollout.reason or release.error or "it crashed"
    return (_SUCCEEDED if rollout.state == rollouts.SERVING else _PENDING), None


@router.post("/pipeline-promotions", status_code=201)
def create(wanted: Create, opened: Opened, viewer: FullViewer) -> answers.PipelinePromotion:
    """Release the source's current slug, or that of `release`, on every target; on all of them or on none."""
    pipeline = find_pipeline(opened, viewer, wanted.pipeline.id)
    source = find_app(opened, viewer, wanted.source.app.id, Right.OWN)
    targets = [find_app(opened, viewer, target.app.id, Right.OWN) for target in wanted.targets]
    members = pipelines.apps_of(opened, pipeline.id)
    for app in (source, *targets):
        if app.id not in members:
            raise InvalidParams(f"{app.name} is not in the pipeline {pipeline.name}. Add it with pipelines:add.")
    if source in targets:
        raise InvalidParams(f"Cannot promote {source.name} to itself.")
    base = _release(opened, source, wanted.source.release)
    promotion = Promotion(pipeline_id=pipeline.id, app_id=source.id, release_id=base.id)
    opened.add(promotion)
    opened.flush()
    for app in sorted(set(targets), key=lambda app: app.id):  # one order for all, so that two promotions wait in line
        made = cut.promote(opened, source, base, app, viewer.account.id)
        opened.add(PromotionTarget(promotion_id=promotion.id, app_id=app.id, release_id=made.id))
        names = {"source": source.name, "source_version": base.version, "version": made.version}
        leave(opened, viewer, "pipeline-promotion.create", app, pipeline=pipeline.name, **names)
    opened.flush()
    return _shape(opened, promotion)


@router.get("/pipeline-promotions/{promotion}")
def info(promotion: str, opened: Opened, viewer: FullViewer) -> answers.PipelinePromotion:
    """One promotion: pending until every target is decided, then completed."""
    return _shape(opened, _find(opened, viewer, promotion))


@router.get("/pipeline-promotions/{promotion}/promotion-targets")
def targets(
    promotion: str, opened: Opened, viewer: FullViewer, ranged: Ranged
) -> list[answers.PipelinePromotionTarget]:
    """How far each target is: all for the pipeline's owner, for others the apps they may use."""
    found = _find(opened, viewer, promotion)
    all_of_them = owns_pipeline(viewer, opened.get_one(Pipeline, found.pipeline_id))
    rows = [
        {
            "app": {"id": str(target.app_id)},
            "error_message": error,
            "id": str(target.id),
            "pipeline_promotion": {"id": str(found.id)},
            "release": {"id": str(target.release_id)},
            "status": status,
        }
        for target, (status, error) in _outcomes(opened, found)
        if all_of_them or may(opened, viewer, opened.get_one(App, target.app_id), Right.USE)
    ]
    return ranged(rows, "id")


def _shape(opened: Session, promotion: Promotion) -> answers.PipelinePromotion:
    pending = any(status == _PENDING for _, (status, _) in _outcomes(opened, promotion))
    return stamps(promotion) | {
        "pipeline": {"id": str(promotion.pipeline_id)},
        "source": {"app": {"id": str(promotion.app_id)}, "release": {"id": str(promotion.release_id)}},
        "status": _PENDING if pending else "completed",
    }


def _outcomes(opened: Session, promotion: Promotion) -> list[tuple[PromotionTarget, tuple[str, str | None]]]:
    rows = pipelines.targets(opened, promotion.id)
    found = rollouts.load(opened, {target.app_id for target, _ in rows})
    return [(target, outcome(release, found.get(target.app_id))) for target, release in rows]


def _release(opened: Session, source: App, wanted: Which | None) -> Release:
    found = (
        releases.by_identity(opened, source.id, wanted.id)
        if wanted is not None
        else releases.current(opened, source.id)
    )
    if found is None and wanted is not None:
        raise NotFound("Couldn't find that release.", "release")
    if found is None or found.slug_id is None:
        raise InvalidParams(f"{source.name} has nothing to promote: no release of it has a slug. Deploy it first.")
    if found.status is not ReleaseStatus.SUCCEEDED:
        raise InvalidParams(f"v{found.version} of {source.name} cannot be promoted: it is {found.status.value}.")
    return found


def _find(opened: Session, viewer: Viewer, identity: str) -> Promotion:
    try:
        found = opened.get(Promotion, uuid.UUID(identity))
    except ValueError:
        found = None
    visible = visible_pipelines(viewer).where(Pipeline.id == found.pipeline_id) if found else None
    if found is None or opened.scalar(visible) is None:
        raise NotFound("Couldn't find that pipeline promotion.", "pipeline_promotion")
    return found
