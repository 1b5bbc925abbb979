"""A client of one WebSocket (RFC 6455) for the output of a command that LXD executes: frames in, a close out.

pylxd's own takes threads and leaves descriptors open (30 executions left 17); an output needs neither.
"""

from __future__ import annotations

import base64
import os
import socket
import ssl
import struct
from collections.abc import Iterator

_TEXT, _BINARY, _CLOSE, _PING, _PONG = 0x1, 0x2, 0x8, 0x9, 0xA
_MOST = 16 * 1024 * 1024  # bytes of one frame


class WebSocket:
    """An open WebSocket. Raises OSError when it breaks."""

    def __init__(
        self, address: str, port: int, context: ssl.SSLContext, server_name: str, resource: str, timeout: float
    ) -> None:
        raw = socket.create_connection((address, port), timeout)
        try:
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
            raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, 15)
            raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, 5)
            raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPCNT, 3)
            self._socket = context.wrap_socket(raw, server_hostname=server_name)
            self._stream = self._socket.makefile("rb")
            self._upgrade(address, port, resource)
            self._socket.settimeout(None)
        except BaseException:
            raw.close()
            raise

    def messages(self) -> Iterator[bytes]:
        """What comes, until LXD's end of output (an empty text frame) or the other side closes."""
        while True:
            kind, payload = self._frame()
            if kind == _PING:
                self._send(_PONG, payload)
            elif kind == _CLOSE or (kind == _TEXT and not payload):
                return
            elif kind != _PONG and payload:
                yield payload

    def close(self) -> None:
        """Say that nothing more will come from here, and hang up."""
        try:
            self._send(_CLOSE, struct.pack("!H", 1000))
        except OSError:
            pass
        self._stream.close()
        self._socket.close()

    def end_input(self) -> None:
        """Say that nothing more will come from here, and stay connected."""
        self._send(_CLOSE, struct.pack("!H", 1000))

    def _upgrade(self, address: str, port: int, resource: str) -> None:
        key = base64.b64encode(os.urandom(16)).decode()
        lines = (
            f"GET {resource} HTTP/1.1", f"Host: {address}:{port}", "Connection: Upgrade", "Upgrade: websocket",
            "Sec-WebSocket-Version: 13", f"Sec-WebSocket-Key: {key}", "", "",
        )  # fmt: skip
        self._socket.sendall("\r\n".join(lines).encode())
        status = self._stream.readline()
        while self._stream.readline() not in (b"\r\n", b""):
            pass
        if b" 101 " not in status:
            raise ConnectionError(f"LXD did not open the output: {status.decode('latin-1').strip()}")

    def _frame(self) -> tuple[int, bytes]:
        first, second = self._exactly(2)
        size = second & 0x7F
        if size == 126:
            (size,) = struct.unpack("!H", self._exactly(2))
        elif size == 127:
            (size,) = struct.unpack("!Q", self._exactly(8))
        if size > _MOST:
            raise ConnectionError(f"LXD sent a frame of {size} bytes")
        return first & 0x0F, self._exactly(size)

    def _exactly(self, size: int) -> bytes:
        data = self._stream.read(size)
        if len(data) != size:
            raise ConnectionError("LXD hung up before the end of the output")
        return data

    def _send(self, kind: int, payload: bytes) -> None:
        mask = os.urandom(4)
        masked = bytes(byte ^ mask[n % 4] for n, byte in enumerate(payload))
        self._socket.sendall(struct.pack("!BB", 0x80 | kind, 0x80 | len(payload)) + mask + masked)
