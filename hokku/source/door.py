"""The API's door as the programs of a push use it: one TLS connection to the API of this host, JSON in and out."""

from __future__ import annotations

import http.client
import json
import socket
import ssl
from collections.abc import Mapping
from typing import IO, Any
from urllib.parse import urlsplit

from hokku.source.place import Place

_ACCEPT = "application/vnd.heroku+json; version=3"
_FROM = "X-Hokku-Push-From"  # see hokku.api.access


class Refused(Exception):
    """The API's answer was no. `status` is HTTP's, `message` the API's sentence."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status, self.message = status, message


class Unreachable(Exception):
    """The API did not answer."""


class _Connection(http.client.HTTPSConnection):
    """Connects to this host, and checks the certificate for the name that users reach the API by."""

    def __init__(self, place: Place, timeout: float) -> None:
        self._place = place
        self._tls = ssl.create_default_context(cafile=str(place.ca_file))
        super().__init__(place.address, place.port, timeout=timeout, context=self._tls)

    def connect(self) -> None:
        raw = socket.create_connection((self._place.address, self._place.port), self.timeout)
        self.sock = self._tls.wrap_socket(raw, server_hostname=self._place.server_name)


class Door:
    """Calls with one token. `timeout` is seconds of silence before the API counts as unreachable.

    `client` is the address that the push came from: events tell it, and not that of this host.
    """

    def __init__(self, place: Place, token: str, timeout: float = 30, client: str = "") -> None:
        self._place, self._token, self._timeout, self._client = place, token, timeout, client

    def call(
        self, method: str, path: str, body: dict[str, Any] | None = None, more: Mapping[str, str] | None = None
    ) -> Any:
        """The JSON of the answer; `more` are headers. Raises Refused or Unreachable."""
        headers = {"Authorization": f"Bearer {self._token}", "Accept": _ACCEPT, "Content-Type": "application/json"}
        headers |= ({_FROM: self._client} if self._client else {}) | dict(more or {})
        content = None if body is None else json.dumps(body).encode()
        with self._answer(method, path, content, headers) as answer:
            return json.loads(self._read(answer) or b"null")

    def upload(self, url: str, content: IO[bytes]) -> None:
        """PUT `content` at a URL that the API gave, which is its own secret."""
        headers = {"Transfer-Encoding": "chunked"}
        with self._answer("PUT", _target(url), content, headers) as answer:
            self._read(answer)

    def stream(self, url: str) -> http.client.HTTPResponse:
        """The answer to GET at a URL that the API gave, to be read as it comes."""
        return self._answer("GET", _target(url), None, {"Accept": "text/plain"})

    def _answer(self, method: str, path: str, body: Any, headers: dict[str, str]) -> http.client.HTTPResponse:
        connection = _Connection(self._place, self._timeout)
        try:
            connection.request(method, path, body, headers, encode_chunked="Transfer-Encoding" in headers)
            answer = connection.getresponse()
        except (OSError, http.client.HTTPException) as error:
            connection.close()
            raise Unreachable(str(error)) from error
        if answer.status >= 300:
            raise Refused(answer.status, _sentence(self._read(answer), answer.status))
        return answer

    @staticmethod
    def _read(answer: http.client.HTTPResponse) -> bytes:
        try:
            return answer.read()
        except (OSError, http.client.HTTPException) as error:
            raise Unreachable(str(error)) from error


def _target(url: str) -> str:
    """Path and query of a URL: the host that users see may not be reachable from here."""
    parts = urlsplit(url)
    return f"{parts.path}?{parts.query}" if parts.query else parts.path


def _sentence(body: bytes, status: int) -> str:
    try:
        return str(json.loads(body)["message"])
    except (ValueError, KeyError, TypeError):
        return f"The platform answered {status} without a reason."
