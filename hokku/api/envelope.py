"""What every answer of the API has, whatever endpoint gives it: Request-Id, RateLimit-Remaining, ETag and 304, HEAD.

A plain ASGI middleware: streams pass through untouched, only JSON answers to GET are held for their ETag.
"""

from __future__ import annotations

import hashlib
import json
import logging
import re
import time
import uuid

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

log = logging.getLogger("hokku.api")
_VERSION = re.compile(r'application/vnd\.heroku\+json\s*;\s*version="?([^\s;,"]*)', re.IGNORECASE)
_PLAIN = re.compile(r"[\w.@~-]{1,128}", re.ASCII)  # what a log line shows of an app's name or id
_NUL = "The request's path holds a NUL character, which no name or id has."


class Broken(RuntimeError):
    """An answer broke off when its first part was sent already: the server closes the connection."""


class _Headed(OSError):
    """A client asked for the head only, and has it."""


class Envelope:
    """Wraps the application; also writes one log line a request, with the route's pattern and never a secret."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        answer = _Answer(scope, headers.get("if-none-match", ""), send)
        if refusal := _refusal(scope, headers.get("accept", "")):
            await answer.refuse(*refusal)
            return
        if answer.head:
            scope = answer.scope = scope | {"method": "GET"}
        try:
            await self.app(scope, receive, answer.send)
        except Exception:  # told to the client and logged by hokku.api.errors, unless it broke off in the middle
            if not answer.done:
                raise Broken(f"the answer to request {answer.request_id} broke off") from None


def _refusal(scope: Scope, accept: str) -> tuple[int, str, str] | None:
    """Status, id and sentence for what no endpoint can serve."""
    versions = _VERSION.findall(accept)
    if versions and not any(version == "3" or version.startswith("3.") for version in versions):
        text = f"Accept: {accept[:200]} is not served. Use application/vnd.heroku+json; version=3."
        return 406, "not_acceptable", text
    if "\0" in scope["path"] or b"%00" in scope["query_string"]:
        return 400, "bad_request", _NUL
    return None


class _Answer:
    def __init__(self, scope: Scope, if_none_match: str, send: Send) -> None:
        self.scope, self.if_none_match, self._send = scope, if_none_match, send
        self.request_id = scope.setdefault("state", {})["request_id"] = str(uuid.uuid4())
        self.began = time.monotonic()
        self.head = scope["method"] == "HEAD"
        self.done = False
        self.held: Message | None = None
        self.body: list[bytes] = []

    async def refuse(self, status: int, error_id: str, text: str) -> None:
        """Answer instead of the application."""
        body = json.dumps({"id": error_id, "message": text}).encode()
        headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
        await self.send({"type": "http.response.start", "status": status, "headers": headers})
        await self.send({"type": "http.response.body", "body": b"" if self.head else body})

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            await self._start(message)
        elif self.held is not None:
            self.body.append(message.get("body", b""))
            if not message.get("more_body"):
                await self._finish(self.held)
        elif not self.head:
            self.done = not message.get("more_body")
            await self._send(message)

    async def _start(self, message: Message) -> None:
        headers = MutableHeaders(raw=message["headers"])
        headers["Request-Id"] = self.request_id
        remaining = self.scope["state"].get("rate_limit_remaining")
        if remaining is not None:
            headers["RateLimit-Remaining"] = str(remaining)
        message["headers"] = headers.raw
        self._log(message["status"])
        json_answer = headers.get("content-type", "").startswith("application/json")
        if json_answer and self.scope["method"] in ("GET", "HEAD") and message["status"] in (200, 206):
            self.held = message
            return
        await self._send(message)
        if self.head:
            self.done = True
            await self._send({"type": "http.response.body", "body": b""})
            if "content-length" not in headers:
                raise _Headed  # a stream, whose next part may be long in coming, ends as if its client had left

    async def _finish(self, start: Message) -> None:
        body = b"".join(self.body)
        etag = f'"{hashlib.sha256(body).hexdigest()[:32]}"'
        headers = MutableHeaders(raw=start["headers"])
        headers["ETag"] = etag
        headers["Cache-Control"] = "private, no-cache"
        asked = {part.strip().removeprefix("W/") for part in self.if_none_match.split(",")}
        if etag in asked or "*" in asked:
            del headers["content-length"]
            start["status"], body = 304, b""
        start["headers"] = headers.raw
        self.done = True
        await self._send(start)
        await self._send({"type": "http.response.body", "body": b"" if self.head else body})

    def _log(self, status: int) -> None:
        route = getattr(self.scope.get("route"), "path", "-")
        if route == "/health" and status == 200:
            return
        app = str(self.scope.get("path_params", {}).get("app", "-"))
        app = app if _PLAIN.fullmatch(app) and status not in (401, 404) else "-"  # else it is only what somebody typed
        spent = (time.monotonic() - self.began) * 1000
        account = self.scope["state"].get("account", "-")
        text = "method=%s route=%s app=%s account=%s status=%d service=%dms request_id=%s"
        log.info(text, self.scope["method"], route, app, account, status, spent, self.request_id)
