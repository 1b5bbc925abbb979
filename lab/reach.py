"""The platform as this computer reaches it: its API over TLS, and applications through each router."""

from __future__ import annotations

import http.client
import json
import ssl
import urllib.error
import urllib.request

from lab import environment
from lab.command import LabError


def api(method: str, path: str, body: object = None) -> tuple[int, object]:
    """One call of the Platform API as the first account: status and decoded answer.

    Raises LabError when the API does not answer at all.
    """
    headers = {
        "Authorization": f"Bearer {environment.admin_token()}",
        "Accept": "application/vnd.heroku+json; version=3",
        "Content-Type": "application/json",
    }
    content = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(environment.API_URL + path, content, headers, method=method)
    context = ssl.create_default_context(cafile=str(environment.CA_FILE))
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=context))
    try:
        with opener.open(request, timeout=30) as answer:
            return answer.status, json.loads(answer.read() or b"null")
    except urllib.error.HTTPError as refused:
        text = refused.read().decode(errors="replace")
        try:
            return refused.code, json.loads(text)
        except ValueError:
            return refused.code, text
    except (OSError, http.client.HTTPException) as problem:
        raise LabError(f"The API at {environment.API_URL} does not answer: {problem}") from problem


def api_answers() -> bool:
    """Whether the API answers the first account."""
    try:
        return api("GET", "/account")[0] == 200
    except (LabError, OSError):
        return False


def through_router(address: str, host: str) -> int | None:
    """The status that a router (`127.0.0.1:PORT`, plain HTTP) answers for `host`; None when it does not answer."""
    connection = http.client.HTTPConnection(address, timeout=10)
    try:
        connection.request("GET", "/", headers={"Host": host})
        return connection.getresponse().status
    except (OSError, http.client.HTTPException):
        return None
    finally:
        connection.close()
