"""/pipelines: apps in stages of one flow. Its owner changes a pipeline; users of its apps see it."""

from __future__ import annotations

import re
import uuid
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response
from pydantic import BaseModel
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from hokku.api import answers
from hokku.api.access import (
    FullViewer,
    Opened,
    OwnedPipeline,
    Right,
    SeenPipeline,
    find_app,
    find_pipeline,
    visible_pipelines,
)
from hokku.api.ranges import page
from hokku.api.shape import named, stamps
from hokku.api.trail import leave
from hokku.errors import InvalidParams, NotFound
from hokku.store import pipelines, transfers
from hokku.store.pipelines import Pipeline
from hokku.store.tables import Account

router = APIRouter()
_NAME = re.compile(r"[a-z][a-z0-9-]{2,29}")


class Owner(BaseModel):
    id: uuid.UUID
    type: str = "user"


class Create(BaseModel):
    name: str
    owner: Owner | None = None


class Change(BaseModel):
    name: str | None = None


class Which(BaseModel):
    id: str


class TransferCreate(BaseModel):
    pipeline: Which
    new_owner: Owner


def shape(pipeline: Pipeline) -> answers.Pipeline:
    """A pipeline as Heroku shows it."""
    return stamps(pipeline) | {
        "generation": named("generation", "cedar"),
        "name": pipeline.name,
        "owner": _owner(pipeline.owner_id),
    }


def _owner(account_id: uuid.UUID) -> answers.PipelineOwner:
    return {"id": str(account_id), "type": "user"}


@router.post("/pipelines", status_code=201)
def create(wanted: Create, opened: Opened, viewer: FullViewer) -> answers.Pipeline:
    """A new, empty pipeline of the viewer."""
    if wanted.owner is not None:
        _person(wanted.owner)
        if wanted.owner.id != viewer.account.id:
            raise InvalidParams("A pipeline is created for oneself. Use pipelines:transfer to give it away.")
    pipeline = Pipeline(owner_id=viewer.account.id, name="")
    _take_name(opened, pipeline, wanted.name)
    leave(opened, viewer, "pipeline.create", id=str(pipeline.id), name=pipeline.name)
    return shape(pipeline)


@router.get("/pipelines")
def index(
    request: Request,
    response: Response,
    opened: Opened,
    viewer: FullViewer,
    name: Annotated[str | None, Query(alias="eq[name]", description="only those of this name")] = None,
) -> list[answers.Pipeline]:
    """The pipelines that the viewer owns, and those with an app that they may use; all for an admin."""
    query = visible_pipelines(viewer)
    if name is not None:
        query = query.where(Pipeline.name == name)
    columns: dict[str, Any] = {"name": Pipeline.name, "id": Pipeline.id, "created_at": Pipeline.created_at}
    return [shape(row) for row in page(opened, request, response, query, columns)]


@router.get("/pipelines/{pipeline}")
def info(pipeline: SeenPipeline) -> answers.Pipeline:
    """One pipeline, by id or name."""
    return shape(pipeline)


@router.patch("/pipelines/{pipeline}")
def update(pipeline: OwnedPipeline, change: Change, opened: Opened, viewer: FullViewer) -> answers.Pipeline:
    """Rename."""
    if change.name is not None and change.name != pipeline.name:
        before = pipeline.name
        _take_name(opened, pipeline, change.name)
        leave(opened, viewer, "pipeline.rename", id=str(pipeline.id), before=before, name=pipeline.name)
    return shape(pipeline)


@router.delete("/pipelines/{pipeline}")
def delete(pipeline: OwnedPipeline, opened: Opened, viewer: FullViewer) -> answers.Pipeline:
    """Delete the pipeline; its apps stay as they are."""
    gone = shape(pipeline)
    opened.delete(pipeline)
    leave(opened, viewer, "pipeline.delete", id=gone["id"], name=gone["name"])
    return gone


@router.post("/pipeline-transfers", status_code=201)
def transfer(wanted: TransferCreate, opened: Opened, viewer: FullViewer) -> answers.PipelineTransfer:
    """Give the pipeline and all its apps to another account, as Heroku does; the owner of all of them asks for it."""
    pipeline = find_pipeline(opened, viewer, wanted.pipeline.id, Right.OWN)
    recipient = _person(wanted.new_owner, opened)
    if recipient.id != pipeline.owner_id and pipelines.name_is_taken(opened, recipient.id, pipeline.name):
        raise InvalidParams(f"{recipient.email} has a pipeline {pipeline.name} already. Rename one of the two.")
    before = pipeline.owner_id
    for app_id in sorted(pipelines.apps_of(opened, pipeline.id)):
        app = find_app(opened, viewer, str(app_id), Right.OWN)
        if app.owner_id != recipient.id:
            transfers.withdraw(opened, app.id)
            transfers.give(opened, app, recipient.id)
            leave(opened, viewer, "app.transfer", app, f"Transferred to {recipient.email}", owner=recipient.email)
    pipeline.owner_id = recipient.id
    leave(opened, viewer, "pipeline.transfer", id=str(pipeline.id), name=pipeline.name, owner=recipient.email)
    opened.flush()
    return {
        "pipeline": {"id": str(pipeline.id)},
        "previous_owner": _owner(before),
        "new_owner": _owner(pipeline.owner_id),
    }


def _person(owner: Owner, opened: Session | None = None) -> Any:
    if owner.type != "user":
        raise InvalidParams("Teams are not there on this platform. The owner of a pipeline is an account.")
    account = opened.get(Account, owner.id) if opened is not None else None
    if opened is not None and account is None:
        raise NotFound("Couldn't find that account.", "account")
    return account


def _take_name(opened: Session, pipeline: Pipeline, name: str) -> None:
    if not _NAME.fullmatch(name):
        raise InvalidParams(
            "Name must start with a letter, have 3 to 30 characters and can only contain lowercase letters, digits, "
            "and dashes."
        )
    taken = InvalidParams(f"Name {name} is already taken by another of your pipelines")
    if pipelines.name_is_taken(opened, pipeline.owner_id, name):
        raise taken
    pipeline.name = name
    opened.add(pipeline)
    try:
        opened.flush()
    except IntegrityError:
        raise taken from None
