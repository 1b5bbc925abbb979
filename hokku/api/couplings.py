"""/pipeline-couplings: which app is in which stage of a pipeline; /filters/apps: how the CLI reads those apps."""

from __future__ import annotations

import uuid
from typing import Any

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, Field
from sqlalchemy import Select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from hokku.api import answers
from hokku.api import apps as apps_api
from hokku.api.access import (
    FullViewer,
    Opened,
    Right,
    SeenPipeline,
    UsableApp,
    Viewer,
    find_app,
    find_pipeline,
    may,
    owns_pipeline,
)
from hokku.api.ranges import MOST, page
from hokku.api.shape import stamps
from hokku.api.trail import leave
from hokku.errors import Forbidden, InvalidParams, NotFound
from hokku.store import apps, pipelines
from hokku.store.pipelines import Coupling, Pipeline
from hokku.store.tables import App

router = APIRouter()


class Create(BaseModel):
    app: str
    pipeline: str
    stage: str


class Change(BaseModel):
    stage: str


class Ids(BaseModel):
    id: list[uuid.UUID] = Field(max_length=MOST)


class Filter(BaseModel):
    among: Ids = Field(alias="in")


def shape(coupling: Coupling, pipeline: Pipeline) -> answers.PipelineCoupling:
    """A coupling as Heroku shows it."""
    return stamps(coupling) | {
        "app": {"id": str(coupling.app_id)},
        "pipeline": {"id": str(pipeline.id), "name": pipeline.name},
        "stage": coupling.stage,
    }


@router.post("/pipeline-couplings", status_code=201)
def create(wanted: Create, opened: Opened, viewer: FullViewer) -> answers.PipelineCoupling:
    """Put an app into a stage of a pipeline; whoever owns both may."""
    pipeline = find_pipeline(opened, viewer, wanted.pipeline, Right.OWN)
    app = find_app(opened, viewer, wanted.app, Right.OWN)
    taken = InvalidParams(
        f"{app.name} is in a pipeline already. Take it out first: heroku pipelines:remove -a {app.name}"
    )
    if pipelines.coupling_of(opened, app.id) is not None:
        raise taken
    coupling = Coupling(pipeline_id=pipeline.id, app_id=app.id, stage=_checked(wanted.stage))
    opened.add(coupling)
    try:
        opened.flush()
    except IntegrityError:
        raise taken from None
    text = f"Add to pipeline {pipeline.name} as {coupling.stage}"
    leave(opened, viewer, "pipeline-coupling.create", app, text, pipeline=pipeline.name, stage=coupling.stage)
    return shape(coupling, pipeline)


@router.get("/pipeline-couplings")
def index(request: Request, response: Response, opened: Opened, viewer: FullViewer) -> list[answers.PipelineCoupling]:
    """The couplings of the apps that the viewer may use, and of the pipelines they own; all for an admin."""
    return _list(request, response, opened, viewer, pipelines.couplings())


@router.get("/users/~/pipeline-couplings")
def index_of_user(
    request: Request, response: Response, opened: Opened, viewer: FullViewer
) -> list[answers.PipelineCoupling]:
    """The couplings of the apps that the viewer may use, and of the pipelines they own."""
    return _list(request, response, opened, viewer, pipelines.usable(pipelines.couplings(), viewer.account.id))


@router.get("/pipelines/{pipeline}/pipeline-couplings")
def index_of_pipeline(
    pipeline: SeenPipeline, request: Request, response: Response, opened: Opened, viewer: FullViewer
) -> list[answers.PipelineCoupling]:
    """The pipeline's couplings: all for its owner, for others those of the apps they may use."""
    return _list(request, response, opened, viewer, pipelines.couplings({pipeline.id}))


@router.get("/apps/{app}/pipeline-couplings")
def info_of_app(app: UsableApp, opened: Opened) -> answers.PipelineCoupling:
    """The app's coupling."""
    coupling = pipelines.coupling_of(opened, app.id)
    if coupling is None:
        raise _not_found()
    return shape(coupling, opened.get_one(Pipeline, coupling.pipeline_id))


@router.get("/pipeline-couplings/{coupling}")
def info(coupling: str, opened: Opened, viewer: FullViewer) -> answers.PipelineCoupling:
    """One coupling."""
    found, pipeline, _ = _find(opened, viewer, coupling)
    return shape(found, pipeline)


@router.patch("/pipeline-couplings/{coupling}")
def update(coupling: str, change: Change, opened: Opened, viewer: FullViewer) -> answers.PipelineCoupling:
    """Move the app to another stage; the pipeline's owner may."""
    found, pipeline, app = _find(opened, viewer, coupling)
    if not owns_pipeline(viewer, pipeline):
        raise Forbidden(f"Only the owner of the pipeline {pipeline.name} may do this.")
    found.stage = _checked(change.stage)
    text = f"Move to {found.stage} in pipeline {pipeline.name}"
    leave(opened, viewer, "pipeline-coupling.update", app, text, pipeline=pipeline.name, stage=found.stage)
    opened.flush()
    return shape(found, pipeline)


@router.delete("/pipeline-couplings/{coupling}")
def delete(coupling: str, opened: Opened, viewer: FullViewer) -> answers.PipelineCoupling:
    """Take the app out of the pipeline; the pipeline's owner may, and the app's."""
    found, pipeline, app = _find(opened, viewer, coupling)
    if not owns_pipeline(viewer, pipeline) and not may(opened, viewer, app, Right.OWN):
        raise Forbidden(f"Only the owner of the pipeline {pipeline.name} or of {app.name} may do this.")
    gone = shape(found, pipeline)
    opened.delete(found)
    text = f"Remove from pipeline {pipeline.name}"
    leave(opened, viewer, "pipeline-coupling.delete", app, text, pipeline=pipeline.name)
    return gone


@router.post("/filters/apps")
def filter_apps(
    wanted: Filter, request: Request, response: Response, opened: Opened, viewer: FullViewer
) -> list[answers.App]:
    """Those of the apps with these ids that the viewer may use."""
    query = apps.living() if viewer.account.admin else apps.of_account(viewer.account.id)
    columns: dict[str, Any] = {"id": App.id, "name": App.name, "updated_at": App.updated_at}
    rows = page(opened, request, response, query.where(App.id.in_(wanted.among.id)), columns)
    return apps_api.shapes(opened, rows)


def _list(
    request: Request, response: Response, opened: Session, viewer: Viewer, query: Select[tuple[Coupling]]
) -> list[answers.PipelineCoupling]:
    if not viewer.account.admin:
        query = pipelines.usable(query, viewer.account.id)
    rows = page(opened, request, response, query, {"id": Coupling.id, "created_at": Coupling.created_at})
    by_id = pipelines.by_ids(opened, {row.pipeline_id for row in rows})
    return [shape(row, by_id[row.pipeline_id]) for row in rows]


def _find(opened: Session, viewer: Viewer, identity: str) -> tuple[Coupling, Pipeline, App]:
    try:
        query = pipelines.couplings().where(Coupling.id == uuid.UUID(identity))
    except ValueError:
        raise _not_found() from None
    if not viewer.account.admin:
        query = pipelines.usable(query, viewer.account.id)
    coupling = opened.scalar(query)
    if coupling is None:
        raise _not_found()
    return coupling, opened.get_one(Pipeline, coupling.pipeline_id), opened.get_one(App, coupling.app_id)


def _not_found() -> NotFound:
    return NotFound("Couldn't find that pipeline coupling.", "pipeline_coupling")


def _checked(stage: str) -> str:
    if stage not in pipelines.STAGES:
        raise InvalidParams(f"Stage {stage[:40]!r} is not known. Use one of {', '.join(pipelines.STAGES)}.")
    return stage
