"""A CGI program as an ASGI response: the request's body streams in while the answer streams out, nothing is held.

Starlette's own streaming answer reads the request's messages to notice a client that left, and would swallow the body.
"""

from __future__ import annotations

import asyncio
import logging
import os
import signal

from starlette.datastructures import Headers
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

log = logging.getLogger(__name__)
_CHUNK = 65536
_HEADER_LIMIT = 65536


class Backend(Response):
    """Runs `argv` for one request. `environment` is all it gets, besides what CGI says of the request."""

    def __init__(self, argv: list[str], environment: dict[str, str]) -> None:
        super().__init__()
        self._argv, self._environment = argv, environment

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        process = await asyncio.create_subprocess_exec(
            *self._argv,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            env=self._environment | _cgi(scope),
            start_new_session=True,
            umask=0o007,
            limit=_HEADER_LIMIT,
        )
        feeding = asyncio.create_task(_feed(process, receive))
        try:
            await _answer(process, send)
        finally:
            feeding.cancel()
            if process.returncode is None:
                _stop(process)
            await process.wait()


def _cgi(scope: Scope) -> dict[str, str]:
    headers = Headers(scope=scope)
    values = {
        "REQUEST_METHOD": scope["method"],
        "QUERY_STRING": scope["query_string"].decode("latin-1"),
        "SERVER_PROTOCOL": "HTTP/1.1",
        "REMOTE_ADDR": (scope.get("client") or ("",))[0],
    }
    for name, variable in (
        ("content-type", "CONTENT_TYPE"),
        ("content-length", "CONTENT_LENGTH"),
        ("content-encoding", "HTTP_CONTENT_ENCODING"),
        ("git-protocol", "GIT_PROTOCOL"),
    ):
        if name in headers:
            values[variable] = headers[name]
    return values


async def _feed(process: asyncio.subprocess.Process, receive: Receive) -> None:
    """The request's body to the program; ends the program when the client leaves."""
    fed = False
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            _stop(process)
            return
        if fed:
            continue
        try:
            process.stdin.write(message.get("body", b""))
            await process.stdin.drain()
            if not message.get("more_body"):
                fed = True
                process.stdin.close()
        except (BrokenPipeError, ConnectionResetError):
            fed = True  # the program has read what it wanted; the rest of the body is thrown away


async def _answer(process: asyncio.subprocess.Process, send: Send) -> None:
    status, headers = await _head(process.stdout)
    await send({"type": "http.response.start", "status": status, "headers": headers})
    while chunk := await process.stdout.read(_CHUNK):
        await send({"type": "http.response.body", "body": chunk, "more_body": True})
    await send({"type": "http.response.body", "body": b""})


async def _head(stdout: asyncio.StreamReader) -> tuple[int, list[tuple[bytes, bytes]]]:
    """Status and headers that the program wrote; 500 when it ended without any."""
    status, headers = 200, []
    while line := (await stdout.readline()).rstrip(b"\r\n"):
        name, _, value = line.partition(b":")
        if name.lower() == b"status":
            status = int(value.split()[0])
        else:
            headers.append((name.lower().strip(), value.strip()))
    if not headers:
        log.error("git http-backend ended without an answer")
        status, headers = 500, [(b"content-type", b"text/plain")]
    return status, headers


def _stop(process: asyncio.subprocess.Process) -> None:
    try:
        os.killpg(process.pid, signal.SIGTERM)
    except ProcessLookupError:
        pass
