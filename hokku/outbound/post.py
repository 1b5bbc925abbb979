"""POSTs to a tenant's server: no redirects, no proxies, an end to everything."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Iterable, Mapping

import httpcore

from hokku.outbound import guard
from hokku.outbound.url import Url

SCHEMES = {"https": 443, "http": 80}
_MOST_ANSWERED = 64 * 1024  # bytes of an answer that are read, to keep its connection
_KEEP_SECONDS = 60.0


class Unreached(Exception):
    """No answer. `kind` is one word for it, such as Timeout; the text has no credentials and no addresses."""

    def __init__(self, kind: str, text: str) -> None:
        super().__init__(text)
        self.kind = kind


class _Guarded(httpcore.AsyncNetworkBackend):
    """Connects to checked addresses only; TLS is then asked for with the host's name."""

    def __init__(self) -> None:
        self._inner = httpcore.AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        failed: Exception | None = None
        for address in await guard.resolve(host, port):
            try:
                return await self._inner.connect_tcp(address, port, timeout, local_address, socket_options)
            except httpcore.NetworkError as error:
                failed = error
        raise failed or OSError(f"{host} has no address")

    async def sleep(self, seconds: float) -> None:
        await self._inner.sleep(seconds)


class Poster:
    """Connections to receivers, kept alive for a minute when `keep`; at most `connections` at once."""

    def __init__(self, connections: int = 1, keep: bool = True) -> None:
        self._connections, self._keep = connections, connections if keep else 0
        self._made: httpcore.AsyncConnectionPool | None = None

    def _pool(self) -> httpcore.AsyncConnectionPool:
        if self._made is None:
            self._made = httpcore.AsyncConnectionPool(
                ssl_context=guard.trust("http"),
                max_connections=self._connections,
                max_keepalive_connections=self._keep,
                keepalive_expiry=_KEEP_SECONDS,
                network_backend=_Guarded(),
            )
        return self._made

    async def post(self, url: Url, headers: Mapping[str, str], body: bytes, seconds: float) -> int:
        """The status of the answer, which must come whole within `seconds`. Raises Unreached."""
        wanted = httpcore.URL(scheme=url.scheme, host=url.host, port=url.port, target=url.path.encode())
        sent = {"Host": url.authority, "Content-Length": str(len(body)), **headers}
        fields = [(name.encode(), value.encode("utf-8")) for name, value in sent.items()]
        try:
            async with asyncio.timeout(seconds):
                async with self._pool().stream("POST", wanted, headers=fields, content=body) as answer:
                    got = 0
                    async for part in answer.aiter_stream():
                        got += len(part)
                        if got > _MOST_ANSWERED:
                            break  # leaving closes the connection
                    return answer.status
        except (TimeoutError, httpcore.TimeoutException):
            raise Unreached("Timeout", f"no answer within {seconds:.0f} s") from None
        except guard.Refused as error:
            raise Unreached("Refused", str(error)) from None
        except (OSError, httpcore.NetworkError, httpcore.ProtocolError) as error:
            raise _unreached(error) from None

    async def close(self) -> None:
        """End all connections."""
        made, self._made = self._made, None
        if made is not None:
            await made.aclose()


def _unreached(error: Exception) -> Unreached:
    cause = error.__context__ or error  # the pool hides causes
    if isinstance(cause, ssl.SSLCertVerificationError):
        return Unreached("Certificate", cause.verify_message)
    if isinstance(cause, ssl.SSLError):
        return Unreached("TLS", cause.reason or "handshake failed")
    if isinstance(error, httpcore.ProtocolError):
        return Unreached("Protocol", "the answer was not HTTP, or ended early")
    return Unreached("Connection", "the connection failed or broke")
