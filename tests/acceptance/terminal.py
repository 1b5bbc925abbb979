"""A client of the rendezvous, as the CLI is one: over TLS, with the platform's certificate checked."""

from __future__ import annotations

import socket
import ssl
import time
from urllib.parse import urlsplit

from platform_client import App

ANSWER = b"rendezvous\r\n"
AT_A_TERMINAL = {"TERM": "xterm-256color", "COLUMNS": "101", "LINES": "33"}


class Terminal:
    """One connection to a command. `seen` is what came and was not waited for yet."""

    def __init__(self, app: App, url: str) -> None:
        parts = urlsplit(url)
        assert parts.scheme == "rendezvous", url
        context = ssl.create_default_context(cafile=app.platform.ca)
        plain = socket.create_connection((parts.hostname, parts.port), 30)
        self.socket = context.wrap_socket(plain, server_hostname=parts.hostname)
        self.socket.sendall(parts.path.removeprefix("/").encode() + b"\r\n")
        first = self.socket.recv(65536)
        assert first == ANSWER, first
        self.seen = b""

    def type(self, text: str) -> None:
        """Send what somebody types."""
        self.socket.sendall(text.encode())

    def until(self, text: str, seconds: float = 60) -> str:
        """Read until the text came; all that came up to its end."""
        deadline = time.monotonic() + seconds
        while text.encode() not in self.seen:
            self.socket.settimeout(max(0.1, deadline - time.monotonic()))
            try:
                data = self.socket.recv(65536)
            except TimeoutError:
                raise AssertionError(f"{text!r} did not come: {self.seen!r}") from None
            assert data, f"the connection ended before {text!r}: {self.seen!r}"
            self.seen += data
        before, _, self.seen = self.seen.partition(text.encode())
        return before.decode() + text

    def rest(self, seconds: float = 60) -> str:
        """All that comes until the platform ends the connection."""
        self.socket.settimeout(seconds)
        while data := self.socket.recv(65536):
            self.seen += data
        return self.seen.decode(errors="replace")

    def close(self) -> None:
        """Go without a word, as a laptop that is closed."""
        self.socket.close()


def run(app: App, command: str, **body: object) -> tuple[dict, Terminal]:
    """`heroku run`: the dyno, and the connection to its command."""
    dyno = app.call("POST", "/dynos", {"command": command, "attach": True, **body}, 201).json()
    return dyno, Terminal(app, dyno["attach_url"])


def inside(app: App, dyno: str, command: str, **body: object) -> Terminal:
    """`heroku run:inside`."""
    answer = app.call("POST", f"/dynos/{dyno}", {"command": command, **body}, 201)
    return Terminal(app, answer.json()["attach_url"])
