"""WebSockets of LXD as builds and terminals have them, from a server on loopback."""

from __future__ import annotations

import asyncio
import socket
import ssl
import struct
import threading
from pathlib import Path

import pytest

from hokku.build.websocket import WebSocket
from hokku.manifold.websocket import BINARY, CLOSE, PING, PONG, TEXT, Where, read, wanted
from hokku.oneoff import websocket as terminal
from tests.integration.logplex_stand import Authority

SWITCH = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n"


def frame(kind: int, payload: bytes) -> bytes:
    """As a server sends it: unmasked."""
    if len(payload) < 126:
        return struct.pack("!BB", 0x80 | kind, len(payload)) + payload
    return struct.pack("!BBQ", 0x80 | kind, 127, len(payload)) + payload


class Lxd:
    """Takes one connection, answers with `says` and keeps what it heard until the client hung up."""

    def __init__(self, folder: Path, says: bytes) -> None:
        authority = Authority(folder)
        authority.certify("lxd-cluster")
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(folder / "lxd-cluster.crt", folder / "lxd-cluster.key")
        self._listener = socket.create_server(("127.0.0.1", 0))
        trusting = ssl.create_default_context(cafile=str(folder / "ca.crt"))
        self.where = Where("127.0.0.1", self._listener.getsockname()[1], trusting, "lxd-cluster")
        self.heard = b""
        self._thread = threading.Thread(target=self._serve, args=(context, says))
        self._thread.start()

    def _serve(self, context: ssl.SSLContext, says: bytes) -> None:
        with self._listener, self._listener.accept()[0] as raw, context.wrap_socket(raw, server_side=True) as way:
            way.sendall(says)
            while data := way.recv(65536):
                self.heard += data

    def frames(self) -> list[tuple[int, bytes]]:
        """What the client sent after its request, unmasked."""
        self._thread.join(10)
        rest, found = self.heard.partition(b"\r\n\r\n")[2], []
        while rest:
            size = wanted(rest) + 4  # the mask
            kind, masked = read(rest[:size])
            found.append((kind, bytes(byte ^ masked[n % 4] for n, byte in enumerate(masked[4:]))))
            rest = rest[size:]
        return found


def test_output_comes_whole_pings_are_answered_and_input_is_closed(tmp_path: Path) -> None:
    said = frame(BINARY, b"first") + frame(PING, b"there?") + frame(BINARY, b"x" * 100_000) + frame(TEXT, b"")
    lxd = Lxd(tmp_path, SWITCH + said)
    opened = WebSocket(lxd.where, "/1.0/operations/1/websocket?secret=s", 5)
    opened.end_input()
    assert list(opened.messages()) == [b"first", b"x" * 100_000]
    opened.close()
    good_bye = (CLOSE, struct.pack("!H", 1000))
    assert lxd.frames() == [good_bye, (PONG, b"there?"), good_bye]
    assert lxd.heard.startswith(b"GET /1.0/operations/1/websocket?secret=s HTTP/1.1\r\n")


@pytest.mark.parametrize(
    ("said", "told"),
    [
        (b"HTTP/1.1 403 Forbidden\r\n\r\n", "did not open the stream: HTTP/1.1 403 Forbidden"),
        (SWITCH + struct.pack("!BBQ", 0x82, 127, 1 << 40), "a frame of 1099511627776 bytes"),
    ],
)
def test_a_refusal_and_a_frame_without_measure_are_told(tmp_path: Path, said: bytes, told: str) -> None:
    lxd = Lxd(tmp_path, said)
    with pytest.raises(ConnectionError, match=told):
        list(WebSocket(lxd.where, "/1.0/operations/1/websocket", 5).messages())


def test_a_terminal_speaks_the_same_way(tmp_path: Path) -> None:
    lxd = Lxd(tmp_path, SWITCH + frame(BINARY, b"first") + frame(TEXT, b""))

    async def talk() -> list[bytes]:
        opened = await terminal.WebSocket.open(lxd.where, "/1.0/operations/1/websocket?secret=s")
        got = [await opened.receive(), await opened.receive()]
        await opened.send(b"ls\n")
        await opened.close()
        return got

    assert asyncio.run(talk()) == [b"first", b""]
    assert lxd.frames() == [(BINARY, b"ls\n"), (CLOSE, struct.pack("!H", 1000))]
