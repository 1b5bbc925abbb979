"""/platform/checks: whether each part of the platform works, found out when asked."""

from __future__ import annotations

from fastapi import APIRouter

from hokku.api import answers
from hokku.api.access import AdminViewer
from hokku.api.ranges import Ranged
from hokku.api.shape import named
from hokku.checks.finding import Finding
from hokku.checks.run import checks, run
from hokku.settings import settings

router = APIRouter()


def _shape(found: Finding) -> answers.PlatformCheck:
    return {
        "id": named("check", f"{found.part}/{found.name}")["id"],
        "part": found.part,
        "name": found.name,
        "state": found.state.value,
        "message": found.message,
        "remedy": found.remedy,
    }


@router.get("/platform/checks")
def index(viewer: AdminViewer, ranged: Ranged) -> list[answers.PlatformCheck]:
    """Every part, as it is now; it may take some seconds."""
    return ranged([_shape(found) for found in run(checks(settings()))], "id")
