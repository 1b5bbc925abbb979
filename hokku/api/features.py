"""/apps/A/features: what an app can have on or off. Accounts have no features of their own."""

from __future__ import annotations

import uuid

from fastapi import APIRouter, Response
from pydantic import BaseModel
from sqlalchemy.orm import Session

from hokku.api import answers
from hokku.api.access import AnyViewer, FullViewer, Opened, OwnedApp, UsableApp
from hokku.api.ranges import ANY, Ranged
from hokku.api.shape import at
from hokku.api.trail import leave
from hokku.errors import InvalidParams, NotFound
from hokku.store import features
from hokku.store.features import Feature, Switch
from hokku.store.tables import App

router = APIRouter()


class Change(BaseModel):
    enabled: bool


def _shape(opened: Session, app: App, feature: Feature) -> answers.Feature:
    switch = features.last(opened, app.id, feature)
    return {
        "created_at": at(app.created_at),
        "description": feature.description,
        "display_name": feature.title,
        "doc_url": feature.doc_url,
        "enabled": feature.default if switch is None else switch.enabled,
        "feedback_email": "",
        "id": str(uuid.uuid5(app.id, f"feature/{feature.name}")),
        "name": feature.name,
        "state": feature.state,
        "updated_at": at(app.created_at if switch is None else switch.created_at),
    }


@router.get("/apps/{app}/features")
def index(app: UsableApp, opened: Opened, ranged: Ranged) -> list[answers.Feature]:
    """The app's features, on and off."""
    return ranged([_shape(opened, app, feature) for feature in features.ALL], "name", "id")


@router.get("/apps/{app}/features/{feature}")
def info(app: UsableApp, feature: str, opened: Opened) -> answers.Feature:
    """One feature, by name or id."""
    return _shape(opened, app, _find(app, feature))


@router.patch("/apps/{app}/features/{feature}")
def update(
    app: OwnedApp, feature: str, change: Change, response: Response, opened: Opened, viewer: AnyViewer
) -> answers.Feature:
    """Turn a feature on or off."""
    found = _find(app, feature)
    if found.fixed and change.enabled is not found.default:
        raise InvalidParams(f"{found.name} cannot be turned {'on' if change.enabled else 'off'}. {found.description}")
    if change.enabled is not features.enabled(opened, app.id, found):
        opened.add(Switch(app_id=app.id, name=found.name, enabled=change.enabled))
        opened.flush()
        verb = "Enable" if change.enabled else "Disable"
        leave(opened, viewer, "feature.update", app, f"{verb} feature {found.name}", feature=found.name)
        if found.name == features.METADATA.name:
            response.headers["Warning-Message"] = f"{found.name}: {found.description}"
    return _shape(opened, app, found)


@router.get("/account/features")
def index_of_account(viewer: FullViewer, ranged: Ranged) -> answers.NoneYet:
    """None: features belong to apps."""
    return ranged([], *ANY)


@router.get("/account/features/{feature}")
def info_of_account(feature: str, viewer: FullViewer) -> answers.Feature:
    """None."""
    raise NotFound("Couldn't find that account feature.", "account_feature")


@router.patch("/account/features/{feature}")
def update_of_account(feature: str, change: Change, viewer: FullViewer) -> answers.Feature:
    """None."""
    raise NotFound("Couldn't find that account feature.", "account_feature")


def _find(app: App, identity: str) -> Feature:
    for feature in features.ALL:
        if identity in (feature.name, str(uuid.uuid5(app.id, f"feature/{feature.name}"))):
            return feature
    raise NotFound("Couldn't find that app feature.", "app_feature")
