"""What this platform does not have yet, answered so that the CLI goes on: empty lists, 404 where one is asked for."""

from __future__ import annotations

from fastapi import APIRouter

from hokku.api.access import AnyViewer, UsableApp
from hokku.api.shape import Json
from hokku.errors import NotFound

router = APIRouter()


def _of_app(app: UsableApp) -> list[Json]:
    """None."""
    return []


def _of_account(viewer: AnyViewer) -> list[Json]:
    """None."""
    return []


for path in ("addons", "addon-attachments", "features", "labs", "log-drains", "sni-endpoints", "webhooks"):
    router.add_api_route(f"/apps/{{app}}/{path}", _of_app, methods=["GET"], name=f"no {path}")
for path in ("addons", "addon-attachments", "teams", "spaces", "pipelines", "oauth/clients", "pipeline-couplings"):
    router.add_api_route(f"/{path}", _of_account, methods=["GET"], name=f"no {path}")


@router.get("/apps/{app}/pipeline-couplings")
def pipeline_coupling(app: UsableApp) -> Json:
    """The app is in no pipeline."""
    raise NotFound("Couldn't find that pipeline coupling.", "pipeline-coupling")


@router.get("/apps/{app}/features/{feature}")
def feature(app: UsableApp, feature: str) -> Json:
    """The app has no features that can be switched."""
    raise NotFound("Couldn't find that app feature.", "app_feature")
