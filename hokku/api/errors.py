"""Every refusal becomes Heroku's JSON here: {id, message, url?, resource?}."""

from __future__ import annotations

import logging
import traceback

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError, ResponseValidationError
from fastapi.responses import JSONResponse
from psycopg.errors import UndefinedColumn, UndefinedTable
from sqlalchemy.exc import DataError, OperationalError, ProgrammingError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect

from hokku.api import absent
from hokku.errors import HokkuError, NotFound

log = logging.getLogger(__name__)

NO_ENDPOINT = (
    "The requested API endpoint was not found. Are you using the right HTTP verb (i.e. `GET` vs. `POST`), and did you "
    "specify your intended version with the `Accept` header?"
)
_DATABASE = "The platform's database does not answer. Nothing was changed; try again in a moment."
_UPGRADE = "The platform is being upgraded. Nothing was changed; try again in a moment."
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
    for kind in (DataError, OverflowError, UnicodeEncodeError):
        app.add_exception_handler(kind, _not_stored)
    app.add_exception_handler(OperationalError, _database)
    app.add_exception_handler(PoolTimeout, _database)
    app.add_exception_handler(ProgrammingError, _upgraded)
    app.add_exception_handler(Exception, _broken)


async def _refused(_: Request, error: HokkuError) -> JSONResponse:
    more = {"resource": error.resource} if isinstance(error, NotFound) else {}
    more |= {"url": error.url} if error.url else {}
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


async def _http(request: Request, error: HTTPException) -> JSONResponse:
    if error.status_code in (404, 405):
        if found := absent.refusal(request.method, request.url.path):
            status, error_id, message, resource = found
            return answer(status, error_id, message, resource=resource)
        return answer(404, "not_found", NO_ENDPOINT)
    return answer(error.status_code, _IDS.get(error.status_code, "bad_request"), str(error.detail))


async def _database(_: Request, error: Exception) -> JSONResponse:
    log.error("database: %s", str(error).splitlines()[0])
    return answer(503, "service_unavailable", _DATABASE)


async def _upgraded(request: Request, error: ProgrammingError) -> JSONResponse:
    """The schema is that of another version already: this process is about to be restarted as that one."""
    if isinstance(error.orig, UndefinedColumn | UndefinedTable):
        log.error("database: its schema is of another version: %s", type(error.orig).__name__)
        return answer(503, "service_unavailable", _UPGRADE, {"Retry-After": "5"})
    return await _broken(request, error)


async def _not_stored(request: Request, error: Exception) -> JSONResponse:
    """What the checks of an endpoint let pass and no text or number can hold: NUL, half a surrogate, 10^30 seconds."""
    log.warning("%s %s: %s", request.method, getattr(request.scope.get("route"), "path", "-"), type(error).__name__)
    return answer(422, "invalid_params", "A parameter holds a character that is none, or a number that is too large.")


async def _broken(request: Request, error: Exception) -> JSONResponse:
    route = getattr(request.scope.get("route"), "path", "-")
    if isinstance(error, ResponseValidationError):
        fields = [".".join(map(str, each["loc"])) for each in error.errors()]
        log.error("%s %s answers what it does not declare: %s", request.method, route, ", ".join(fields[:10]))
    elif not isinstance(
        error, ClientDisconnect
    ):  # where it broke, but not the message, which may hold what the user sent
        where = "".join(traceback.format_tb(error.__traceback__))
        log.error("%s %s broke: %s\n%s", request.method, route, type(error).__name__, where)
    return answer(
        500, "internal_server_error", "Internal server error. The platform's operator finds it by the Request-Id."
    )
