"""Every refusal becomes Heroku's JSON here: {id, message, url?, resource?}."""

from __future__ import annotations

import logging

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from sqlalchemy.exc import OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from starlette.exceptions import HTTPException

from hokku.errors import HokkuError, NotFound

log = logging.getLogger(__name__)

NO_ENDPOINT = (
    "The requested API endpoint was not found. Are you using the right HTTP verb (i.e. `GET` vs. `POST`), and did you "
    "specify your intended version with the `Accept` header?"
)
_DATABASE = "The platform's database does not answer. Nothing was changed; try again in a moment."
_IDS = {401: "unauthorized", 403: "forbidden", 413: "too_large", 416: "requested_range_not_satisfiable"}


def answer(
    status: int, error_id: str, message: str, headers: dict[str, str] | None = None, **more: str
) -> JSONResponse:
    """The JSON of one error."""
    return JSONResponse({"id": error_id, "message": message, **more}, status_code=status, headers=headers)


def install(app: FastAPI) -> None:
    """Give the application its error handlers."""
    app.add_exception_handler(HokkuError, _refused)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(OperationalError, _database)
    app.add_exception_handler(PoolTimeout, _database)
    app.add_exception_handler(Exception, _broken)


async def _refused(_: Request, error: HokkuError) -> JSONResponse:
    more = {"resource": error.resource} if isinstance(error, NotFound) else {}
    headers = {"WWW-Authenticate": 'Basic realm="hokku"'} if error.status == 401 else None
    return answer(error.status, error.id, error.message, headers, **more)


async def _invalid(_: Request, error: RequestValidationError) -> JSONResponse:
    first = error.errors()[0]
    place = ".".join(str(part) for part in first["loc"][1:] if not str(part).startswith(("function-", "constrained-")))
    if first["type"] == "json_invalid":
        return answer(400, "bad_request", "The request's body is not valid JSON.")
    text = first["msg"].removeprefix("Value error, ")
    if first["type"] == "missing":
        return answer(422, "invalid_params", f"`{place}` is required." if place else "A JSON body is required.")
    return answer(422, "invalid_params", f"`{place}`: {text}." if place else f"{text}.")


async def _http(_: Request, error: HTTPException) -> JSONResponse:
    if error.status_code in (404, 405):
        return answer(404, "not_found", NO_ENDPOINT)
    return answer(error.status_code, _IDS.get(error.status_code, "bad_request"), str(error.detail))


async def _database(_: Request, error: Exception) -> JSONResponse:
    log.error("database: %s", str(error).splitlines()[0])
    return answer(503, "service_unavailable", _DATABASE)


async def _broken(request: Request, error: Exception) -> JSONResponse:
    log.error("%s %s broke: %r", request.method, getattr(request.scope.get("route"), "path", "-"), error)
    return answer(
        500, "internal_server_error", "Internal server error. The platform's operator finds it by the Request-Id."
    )
