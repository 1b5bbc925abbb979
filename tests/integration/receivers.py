"""What tenants run: receivers of drains and webhooks, on loopback. They parse strictly; they may be slow or gone."""

from __future__ import annotations

import re
import socket
import ssl
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from tests.integration.loopback import free_port

_TIME = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}\+00:00"
_SYSLOG = re.compile(rf"<(\d{{1,3}})>1 ({_TIME}) (d\.[0-9a-f-]{{36}}) (app|heroku) (\S{{1,128}}) - - (.*)\n", re.DOTALL)
_HTTP = re.compile(rf"<(\d{{1,3}})>1 ({_TIME}) (host) (app|heroku) (\S{{1,128}}) - (.*)\n", re.DOTALL)
_L10 = re.compile(r"Error L10 \(output buffer overflow\): (\d+) messages dropped since [\dT:-]{19}\+00:00\.")


@dataclass(frozen=True)
class Got:
    """A line as it arrived."""

    priority: int
    host: str
    source: str
    process: str
    text: str


def frames(received: bytes, shape: re.Pattern[str]) -> tuple[list[Got], bytes]:
    """The octet-counted frames in the bytes, and what is left over; AssertionError when one is not exactly right."""
    found = []
    while match := re.match(rb"([1-9]\d{0,5}) ", received):
        end = match.end() + int(match[1])
        if len(received) < end:
            break
        message = received[match.end() : end].decode()
        parts = shape.fullmatch(message)
        assert parts, message
        found.append(Got(int(parts[1]), *parts.groups()[2:]))
        received = received[end:]
    assert received[:1] in (b"", *(b"%d" % n for n in range(1, 10))), received[:100]
    return found, received


def lost(lines: list[Got]) -> int:
    """How many lines the L10 lines among these say were dropped."""
    return sum(int(found[1]) for line in lines if (found := _L10.fullmatch(line.text)))


def texts(lines: list[Got]) -> list[str]:
    """What the application wrote."""
    return [line.text for line in lines if line.source == "app"]


def context(certificates: Path, name: str) -> ssl.SSLContext:
    """A server's TLS with the certificate NAME.crt."""
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    made.load_cert_chain(certificates / f"{name}.crt", certificates / f"{name}.key")
    return made


class SyslogReceiver:
    """A syslog server. `gone()` breaks all connections and refuses new ones until `back()`."""

    def __init__(self, tls: ssl.SSLContext | None = None) -> None:
        self.port, self.tls = free_port(), tls
        self.lines: list[Got] = []
        self.wrong: list[BaseException] = []
        self.connections = 0
        self._open: list[socket.socket] = []
        self._listening: socket.socket | None = None
        self.back()

    def back(self) -> None:
        listening = socket.create_server(("127.0.0.1", self.port), reuse_port=False)
        self._listening = listening
        threading.Thread(target=self._accept, args=(listening,), daemon=True).start()

    def gone(self) -> None:
        self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()
        for each in self._open:
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
            each.close()
        self._open.clear()

    def _accept(self, listening: socket.socket) -> None:
        with suppress(OSError):
            while True:
                taken, _ = listening.accept()
                threading.Thread(target=self._read, args=(taken,), daemon=True).start()

    def _read(self, taken: socket.socket) -> None:
        try:
            if self.tls is not None:
                taken = self.tls.wrap_socket(taken, server_side=True)
            self._open.append(taken)
            self.connections += 1
            rest = b""
            while received := taken.recv(65536):
                found, rest = frames(rest + received, _SYSLOG)
                self.lines += found
        except OSError:
            pass
        except BaseException as error:
            self.wrong.append(error)


@dataclass
class Request:
    """A request as it arrived."""

    path: str
    headers: dict[str, str]
    body: bytes
    lines: list[Got] = field(default_factory=list)


class HttpReceiver:
    """An HTTP server. `answer(request, n)` gives the status of the n-th request (from 1); it may wait as it likes."""

    def __init__(self, tls: ssl.SSLContext | None = None, answer: Callable[[Request, int], int] | None = None) -> None:
        self.answer = answer or (lambda request, number: 204)
        self.port = free_port()
        self.requests: list[Request] = []
        self.taken: list[Request] = []  # answered with 2xx
        self.wrong: list[BaseException] = []
        self.connections = 0
        self._tls = tls
        self._lock = threading.Lock()
        self.back()

    @property
    def lines(self) -> list[Got]:
        """The lines of all requests that were answered with 2xx."""
        return [line for request in list(self.taken) for line in request.lines]

    def back(self) -> None:
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            timeout = 120

            def setup(self) -> None:
                super().setup()
                receiver.connections += 1

            def do_POST(self) -> None:
                receiver._take(self)

            do_GET = do_POST

            def log_message(self, *_: object) -> None:
                pass

        class Server(ThreadingHTTPServer):
            daemon_threads = True

            def get_request(self) -> tuple[socket.socket, object]:
                taken, address = super().get_request()
                taken.settimeout(30)
                if receiver._tls is not None:
                    taken = receiver._tls.wrap_socket(taken, server_side=True, do_handshake_on_connect=False)
                receiver._open.append(taken)
                return taken, address

            def handle_error(self, *_: object) -> None:
                pass

        self._open: list[socket.socket] = []
        self._server = Server(("127.0.0.1", self.port), Handler)
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    def gone(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        for each in self._open:
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)

    def _take(self, handler: BaseHTTPRequestHandler) -> None:
        length = int(handler.headers.get("Content-Length", 0))
        request = Request(handler.path, dict(handler.headers.items()), handler.rfile.read(length))
        if len(request.body) < length:
            return
        with self._lock:
            self.requests.append(request)
            number = len(self.requests)
        try:
            if request.headers.get("Content-Type") == "application/logplex-1":
                request.lines, rest = frames(request.body, _HTTP)
                assert not rest
                assert len(request.lines) == int(request.headers["Logplex-Msg-Count"])
            status = self.answer(request, number)
        except BaseException as error:
            self.wrong.append(error)
            status = 500
        if status == 0:
            handler.close_connection = True
            return
        if 200 <= status < 300:
            with self._lock:
                self.taken.append(request)
        handler.send_response(status)
        if 300 <= status < 400:
            handler.send_header("Location", f"http://127.0.0.1:{self.port}/elsewhere")
        handler.send_header("Content-Length", "0")
        handler.end_headers()
