"""/health: whether what the API stands on answers. Open to anyone, and tells nothing else."""

from __future__ import annotations

from collections.abc import Callable

from fastapi import APIRouter
from fastapi.responses import JSONResponse

from hokku import __version__
from hokku.api import answers
from hokku.store.engine import ping

router = APIRouter()


def _redis() -> None:
    from hokku.logplex.redis import client

    client().ping()


def _answers(probe: Callable[[], None]) -> bool:
    try:
        probe()
    except Exception:  # whatever is wrong with it, it does not answer
        return False
    return True


@router.get("/health", response_model=answers.Health, responses={503: {"model": answers.Health}})
def health() -> JSONResponse:
    """200 with the database; 503 without. Redis is told, but without it only log lines are missed.

    `platform` is how `hokku login` knows that it speaks to a Hokku.
    """
    found = {"platform": "hokku", "database": _answers(ping), "redis": _answers(_redis), "version": __version__}
    return JSONResponse(found, status_code=200 if found["database"] else 503)
