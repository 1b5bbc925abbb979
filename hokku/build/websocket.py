"""A client of one WebSocket for the output of a command that LXD executes: frames in, a close out."""

from __future__ import annotations

import socket
from collections.abc import Iterator

from hokku.manifold import websocket
from hokku.manifold.websocket import CLOSE, GOOD_BYE, PING, PONG, TEXT, Where


class WebSocket:
    """An open WebSocket. Raises OSError when it breaks."""

    def __init__(self, where: Where, resource: str, timeout: float) -> None:
        raw = socket.create_connection((where.address, where.port), timeout)
        try:
            websocket.keep_alive(raw)
            self._socket = where.context.wrap_socket(raw, server_hostname=where.name)
            self._stream = self._socket.makefile("rb")
            self._upgrade(where, resource)
            self._socket.settimeout(None)
        except BaseException:
            raw.close()
            raise

    def messages(self) -> Iterator[bytes]:
        """What comes, until LXD's end of output (an empty text frame) or the other side closes."""
        while True:
            kind, payload = self._frame()
            if kind == PING:
                self._send(PONG, payload)
            elif kind == CLOSE or (kind == TEXT and not payload):
                return
            elif kind != PONG and payload:
                yield payload

    def close(self) -> None:
        """Say that nothing more will come from here, and hang up."""
        try:
            self._send(CLOSE, GOOD_BYE)
        except OSError:
            pass
        self._stream.close()
        self._socket.close()

    def end_input(self) -> None:
        """Say that nothing more will come from here, and stay connected."""
        self._send(CLOSE, GOOD_BYE)

    def _upgrade(self, where: Where, resource: str) -> None:
        self._socket.sendall(websocket.upgrade(where, resource))
        status = self._stream.readline()
        while self._stream.readline() not in (b"\r\n", b""):
            pass
        websocket.must_be_open(status)

    def _frame(self) -> tuple[int, bytes]:
        part = b""
        while (missing := websocket.wanted(part) - len(part)) > 0:
            data = self._stream.read(missing)
            if len(data) != missing:
                raise ConnectionError("LXD hung up before the end of the output")
            part += data
        return websocket.read(part)

    def _send(self, kind: int, payload: bytes) -> None:
        self._socket.sendall(websocket.write(kind, payload))
