"""Continuous requests, and what came of them."""

from __future__ import annotations

import contextlib
import http.client
import socketserver
import ssl
import threading
import time
from collections import Counter
from types import TracebackType
from typing import Self


class Load:
    """Clients that ask one after another until the block ends: half keep their connection, half take a new one each."""

    def __init__(
        self,
        address: str,
        port: int,
        host: str,
        *,
        clients: int = 4,
        pause: float = 0.002,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self._tls = tls
        self.answers: Counter[str] = Counter()
        self.failures: list[str] = []
        self._end = threading.Event()
        self._pause = pause
        self._threads = [
            threading.Thread(target=self._ask, args=(address, port, host, n % 2 == 0)) for n in range(clients)
        ]

    def _ask(self, address: str, port: int, host: str, keep: bool) -> None:
        connection = http.client.HTTPConnection(address, port, timeout=10)
        if self._tls is not None:
            connection = Verified(address, port, host, self._tls)
        while not self._end.is_set():
            try:
                connection.request("GET", "/", headers={"Host": host})
                answer = connection.getresponse()
                body = answer.read().decode()
                if answer.status == 200:
                    self.answers[body] += 1
                else:
                    self.failures.append(f"{answer.status} {answer.getheader('Hokku-Error-Code')}")
            except (OSError, http.client.HTTPException) as error:
                self.failures.append(repr(error))
                connection.close()
            if not keep:
                connection.close()
            time.sleep(self._pause)
        connection.close()

    def more(self, number: int, seconds: float = 10.0) -> None:
        """Return when `number` more requests were answered."""
        wanted, deadline = self.answers.total() + number, time.monotonic() + seconds
        while self.answers.total() < wanted:
            assert time.monotonic() < deadline, f"{self.answers}, {self.failures[:3]}"
            time.sleep(0.005)

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, kind: type | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._end.set()
        for thread in self._threads:
            thread.join()


class Verified(http.client.HTTPConnection):
    """HTTP over TLS to a router, which must show a certificate for `host` that the context trusts."""

    def __init__(self, address: str, port: int, host: str, context: ssl.SSLContext) -> None:
        super().__init__(address, port, timeout=10)
        self._host, self._context = host, context

    def connect(self) -> None:
        """Verified: ssl.SSLError otherwise."""
        super().connect()
        self.sock = self._context.wrap_socket(self.sock, server_hostname=self._host)


class LogSink:
    """Takes octet-counted lines over TCP, as rsyslog does."""

    def __init__(self) -> None:
        self._text = bytearray()
        sink = self

        class Take(socketserver.BaseRequestHandler):
            def handle(self) -> None:
                with contextlib.suppress(ConnectionResetError):
                    while piece := self.request.recv(65536):
                        sink._text.extend(piece)

        self._server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), Take)
        self._server.daemon_threads = True
        self.target = "{}:{}".format(*self._server.server_address)
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def lines(self) -> list[str]:
        """Whole lines so far."""
        rest, found = bytes(self._text), []
        while b" " in rest:
            count, rest = rest.split(b" ", 1)
            if len(rest) < int(count):
                break
            found.append(rest[: int(count)].decode())
            rest = rest[int(count) :]
        return found

    def close(self) -> None:
        """No more lines."""
        self._server.shutdown()
        self._server.server_close()
