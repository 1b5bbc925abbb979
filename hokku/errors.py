"""Errors that are the user's: an id, one sentence that names the value and the remedy, an HTTP status.

They become the API's JSON in `hokku.api.errors` and one line in `hokku.cli`, and nowhere else. Ids and statuses are
Heroku's (https://devcenter.heroku.com/articles/platform-api-reference#errors).
"""

from __future__ import annotations


class HokkuError(Exception):
    """A refusal with an `id`, a sentence for the user, and the HTTP `status` it is answered with."""

    id = "internal_server_error"
    status = 500
    url: str | None = None  # where to read more

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


class Unauthorized(HokkuError):
    id, status = "unauthorized", 401


class Forbidden(HokkuError):
    id, status = "forbidden", 403


class NotFound(HokkuError):
    """`resource` is Heroku's name of what is missing: app, release, build, slug, …"""

    id, status = "not_found", 404

    def __init__(self, message: str, resource: str) -> None:
        super().__init__(message)
        self.resource = resource


class Gone(HokkuError):
    """What was there is not kept any more."""

    id, status = "gone", 410


class InvalidParams(HokkuError):
    id, status = "invalid_params", 422


class Unavailable(HokkuError):
    id, status = "service_unavailable", 503
