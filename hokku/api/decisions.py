"""/apps/A/dynos/D/decisions: what the manifold decided of a dyno, and why."""

from __future__ import annotations

from fastapi import APIRouter

from hokku.api import answers
from hokku.api.access import Opened, UsableApp
from hokku.api.dynos import no_dyno
from hokku.api.ranges import Ranged
from hokku.api.shape import at
from hokku.store import decisions, dynos, oneoffs
from hokku.store.decisions import DecisionRow

router = APIRouter()


def _shape(row: DecisionRow) -> answers.Decision:
    return {
        "id": str(row.id),
        "created_at": at(row.created_at),
        "dyno": f"{row.type}.{row.number}",
        "host": row.host,
        "decision": row.decision,
        "reason": row.reason,
    }


@router.get("/apps/{app}/dynos/{dyno}/decisions")
def index(app: UsableApp, dyno: str, opened: Opened, ranged: Ranged) -> list[answers.Decision]:
    """The latest two hundred about the dyno with this name, or about the one with this id and all others of its name:
    newest first."""
    place = decisions.place_of(opened, app.id, dyno)
    found = decisions.of_place(opened, app.id, *place) if place else []
    waiting = [row for row in oneoffs.living(opened, app.id) if dyno in (str(row.id), row.name)]
    if not found and not waiting and not dynos.by_identity(opened, app.id, dyno):
        raise no_dyno(dyno)
    return ranged([_shape(row) for row in found], "id", "created_at")
