"""The listener on loopback that the official CLI speaks to: each request goes on to the platform, streamed both ways.

It changes the token, the host, and the URLs of a few answers; bodies, ETags, ranges and Request-Ids pass as they are.
It writes no log.
"""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from typing import Any

import h11

from hokku.toolbelt.admission import Admission, Refusal, Route
from hokku.toolbelt.api import unreachable
from hokku.toolbelt.peer import Peer, Pool
from hokku.toolbelt.rewrite import concerns, rewritten

_MOST_HELD = 16 * 1024 * 1024  # bytes of an answer that is held to change its URLs
_MOST_ASKED = 1024 * 1024  # bytes of a request likewise
_BROKEN = (OSError, h11.ProtocolError, asyncio.IncompleteReadError)


class Listener:
    """Serves one run. `tokens` are those that logins through it brought; `refused` says that the platform knows the
    user's token no more.
    """

    def __init__(self, admission: Admission, pool: Pool, terminal: Any) -> None:
        self.admission, self.pool = admission, pool
        self.tokens: list[tuple[str, str]] = []  # email, token
        self.requests, self.refused = 0, False
        self._terminal = terminal  # rendezvous URL -> the listener's

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection of the CLI, until either end closes it."""
        client = Peer(h11.SERVER, reader, writer)
        try:
            while True:
                request = await client.next_event()
                if not isinstance(request, h11.Request) or not await self._answer(client, request):
                    return
                client.http.start_next_cycle()
        except h11.RemoteProtocolError as error:
            if client.http.our_state is h11.IDLE:
                await _refuse(client, Refusal(error.error_status_hint, "bad_request", "This is not HTTP."))
        except (*_BROKEN, asyncio.CancelledError):  # the latter at the run's end: asyncio would complain of it
            pass
        finally:
            client.close() if client.http.our_state is h11.ERROR else writer.close()

    async def _answer(self, client: Peer, request: h11.Request) -> bool:
        """Answer one request; whether the connection can have another."""
        self.requests += 1
        found = self.admission.route(request.target.decode("latin-1"), request.headers.raw_items())
        if isinstance(found, Refusal):
            await _refuse(client, found)
            return False
        try:
            exchange = _Exchange(self, client, request, found)
            return await exchange.run()
        except _Unreachable as error:
            await _refuse(client, Refusal(502, "bad_gateway", str(error)))
            return False

    def changed(self, route: Route, status: int, body: bytes) -> bytes:
        """An answer's body as the CLI gets it."""
        if not route.login:
            return rewritten(body, self.admission.carry, self._terminal)
        if status != 201:
            return body
        made = json.loads(body)
        self.tokens.append((made["user"]["email"], made["access_token"]["token"]))
        made["access_token"]["token"] = self.admission.key
        self.admission.platform = replace(self.admission.platform, email=self.tokens[-1][0], token=self.tokens[-1][1])
        return json.dumps(made).encode()


class _Unreachable(Exception):
    """The platform does not answer; the text is the user's."""


class _Exchange:
    """One request on its way to the platform, and its answer on the way back."""

    def __init__(self, listener: Listener, client: Peer, request: h11.Request, route: Route) -> None:
        self.listener, self.client, self.request, self.route = listener, client, request, route
        headers = {name: value for name, value in request.headers}
        self.bodiless = b"content-length" not in headers and b"transfer-encoding" not in headers
        self.json = headers.get(b"content-type", b"").startswith(b"application/json")
        self.changes = route.api and request.method != b"HEAD" and (route.login or concerns(route.target))

    async def run(self) -> bool:
        """Carry both; whether the client's connection can have another request."""
        upstream, answer = await self._begin()
        sending = asyncio.create_task(self._send_body(upstream)) if answer is None else None
        receiving = asyncio.create_task(self._receive(upstream, answer))
        leaving = asyncio.create_task(self._client_leaves(sending))
        tasks = [task for task in (sending, receiving, leaving) if task is not None]
        try:
            await asyncio.wait({receiving, leaving}, return_when=asyncio.FIRST_COMPLETED)
            if not receiving.done() and leaving.result():
                return False
            await receiving
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            self.listener.pool.give_back(self.route.origin, upstream)
        return self.client.done

    async def _begin(self) -> tuple[Peer, Any]:
        """A connection that has the request's head. A kept connection may have died: then the request, which changes
        nothing and has no body, is sent again; its answer's head is here already.
        """
        origin = self.route.origin
        head = h11.Request(method=self.request.method, target=self.route.target, headers=self._headers())
        repeatable = self.bodiless and self.request.method in (b"GET", b"HEAD")
        while repeatable and (kept := self.listener.pool.idle(origin)) is not None:
            try:
                await kept.send(head)
                await kept.send(h11.EndOfMessage())
                answer = await kept.next_event()
                if not isinstance(answer, h11.ConnectionClosed):
                    return kept, answer
            except _BROKEN:
                pass
            kept.close()
        try:
            upstream = await self.listener.pool.open(origin)
            await upstream.send(head)
        except (OSError, TimeoutError) as error:
            raise _Unreachable(unreachable(f"https://{origin[0]}:{origin[1]}", error)) from None
        return upstream, None

    def _headers(self) -> list[tuple[bytes, bytes]]:
        if not self.changes:
            return self.route.headers
        # what is changed must not come compressed, and its body gets another length
        left_out = {b"accept-encoding"} | (
            {b"content-length", b"transfer-encoding"} if self._holds_request() else set()
        )
        kept = [pair for pair in self.route.headers if pair[0].lower() not in left_out]
        return [*kept, (b"Transfer-Encoding", b"chunked")] if self._holds_request() else kept

    def _holds_request(self) -> bool:
        return self.json and not self.bodiless and not self.route.login

    async def _send_body(self, upstream: Peer) -> None:
        """The request's body, as it comes; small JSON with the listener's URLs gets the platform's."""
        held, holding = bytearray(), self.changes and self._holds_request()
        try:
            while True:
                event = await self.client.next_event()
                if isinstance(event, h11.Data) and holding:
                    held += event.data
                    if len(held) <= _MOST_ASKED:
                        continue
                    event, holding = h11.Data(data=bytes(held)), False
                elif isinstance(event, h11.EndOfMessage) and holding:
                    await upstream.send(h11.Data(data=self.listener.admission.carried(bytes(held))))
                await upstream.send(event)
                if isinstance(event, h11.EndOfMessage):
                    return
        except (OSError, h11.LocalProtocolError):
            return  # the platform closed before it had all: its answer says why

    async def _client_leaves(self, sending: asyncio.Task[None] | None) -> bool:
        if sending is not None:
            await sending
        elif self.client.http.their_state is h11.SEND_BODY:
            await self.client.next_event()  # the end of a request without body
        return await self.client.hung_up()

    async def _receive(self, upstream: Peer, answer: Any) -> None:
        """The answer, as it comes, to the client."""
        try:
            while answer is None or isinstance(answer, h11.InformationalResponse):
                answer = await upstream.next_event()
            if not isinstance(answer, h11.Response):
                raise h11.RemoteProtocolError("no answer")
        except _BROKEN:
            raise _Unreachable(f"{self.route.origin[0]} broke off the connection. Try again.") from None
        self.listener.refused |= self.route.api and not self.route.login and answer.status_code == 401
        if self.changes and _is_json(answer):
            await self._receive_held(upstream, answer)
            return
        await self.client.send(_clean(answer))
        while not isinstance(event := await upstream.next_event(), h11.EndOfMessage):
            await self.client.send(event)
        await self.client.send(h11.EndOfMessage())

    async def _receive_held(self, upstream: Peer, answer: h11.Response) -> None:
        held, whole = bytearray(), False
        while not whole and len(held) <= _MOST_HELD:
            event = await upstream.next_event()
            whole = isinstance(event, h11.EndOfMessage)
            held += b"" if whole else event.data
        if not whole:
            raise h11.RemoteProtocolError("an answer of more than 16 MB")
        body = self.listener.changed(self.route, answer.status_code, bytes(held))
        headers = [pair for pair in _clean(answer).headers.raw_items() if pair[0].lower() not in _LENGTH]
        headers.append((b"Content-Length", str(len(body)).encode()))
        await self.client.send(h11.Response(status_code=answer.status_code, headers=headers, reason=answer.reason))
        await self.client.send(h11.Data(data=body))
        await self.client.send(h11.EndOfMessage())


_LENGTH = {b"content-length", b"transfer-encoding"}


def _is_json(answer: h11.Response) -> bool:
    kind = dict(answer.headers).get(b"content-type", b"")
    return kind.startswith((b"application/json", b"application/vnd.heroku+json"))


def _clean(answer: h11.Response) -> h11.Response:
    """The answer without what is the connection's own."""
    own = {b"connection", b"keep-alive", b"upgrade"}
    headers = [pair for pair in answer.headers.raw_items() if pair[0].lower() not in own]
    return h11.Response(status_code=answer.status_code, headers=headers, reason=answer.reason)


async def _refuse(client: Peer, refusal: Refusal) -> None:
    """Answer in Heroku's shape, and close: the request's body is not read."""
    body = json.dumps({"id": refusal.id, "message": refusal.message}).encode()
    headers = [
        (b"Content-Type", b"application/json"),
        (b"Content-Length", str(len(body)).encode()),
        (b"Connection", b"close"),
    ]
    try:
        await client.send(h11.Response(status_code=refusal.status, headers=headers))
        await client.send(h11.Data(data=body))
        await client.send(h11.EndOfMessage())
    except _BROKEN:
        pass
