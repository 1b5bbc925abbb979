"""What every answer of the API has, whatever endpoint gives it: Request-Id, RateLimit-Remaining, ETag and 304.

A plain ASGI middleware: streams pass through untouched, only JSON answers to GET are held for their ETag.
"""

from __future__ import annotations

import hashlib
import json
import logging
import time
import uuid

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

log = logging.getLogger("hokku.api")


class Envelope:
    """Wraps the application; also writes one log line a request, with the route's pattern and never a secret."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        accept = headers.get("accept", "")
        answer = _Answer(scope, headers.get("if-none-match", ""), send)
        if "application/vnd.heroku+json" in accept and "version=3" not in accept:
            await answer.refuse(accept)
            return
        await self.app(scope, receive, answer.send)


class _Answer:
    def __init__(self, scope: Scope, if_none_match: str, send: Send) -> None:
        self.scope, self.if_none_match, self._send = scope, if_none_match, send
        self.request_id = scope.setdefault("state", {})["request_id"] = str(uuid.uuid4())
        self.began = time.monotonic()
        self.held: Message | None = None
        self.body: list[bytes] = []

    async def refuse(self, accept: str) -> None:
        """406: the client asks for a version that is not 3."""
        text = f"Accept: {accept} is not served. Use application/vnd.heroku+json; version=3."
        body = json.dumps({"id": "not_acceptable", "message": text}).encode()
        headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
        await self.send({"type": "http.response.start", "status": 406, "headers": headers})
        await self.send({"type": "http.response.body", "body": body})

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            await self._start(message)
        elif self.held is None:
            await self._send(message)
        else:
            self.body.append(message.get("body", b""))
            if not message.get("more_body"):
                await self._finish(self.held)

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
        else:
            await self._send(message)

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
        await self._send(start)
        await self._send({"type": "http.response.body", "body": body})

    def _log(self, status: int) -> None:
        route = getattr(self.scope.get("route"), "path", "-")
        if route == "/health" and status == 200:
            return
        app = self.scope.get("path_params", {}).get("app", "-")
        spent = (time.monotonic() - self.began) * 1000
        account = self.scope["state"].get("account", "-")
        text = "method=%s route=%s app=%s account=%s status=%d service=%dms request_id=%s"
        log.info(text, self.scope["method"], route, app, account, status, spent, self.request_id)
