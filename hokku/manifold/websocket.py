"""What is said over a WebSocket (RFC 6455) of LXD, whoever carries it: the upgrade and the frames. Pure.

pylxd's own client takes threads and leaves descriptors open (30 executions left 17). Builds read with a thread of their
own, terminals with asyncio: `hokku.build.websocket` and `hokku.oneoff.websocket`.
"""

from __future__ import annotations

import base64
import os
import socket
import ssl
import struct
from dataclasses import dataclass

TEXT, BINARY, CLOSE, PING, PONG = 0x1, 0x2, 0x8, 0x9, 0xA
GOOD_BYE = struct.pack("!H", 1000)  # what a CLOSE says when all went well
_MOST = 16 * 1024 * 1024  # bytes of one frame
_ALIVE = ((socket.TCP_KEEPIDLE, 15), (socket.TCP_KEEPINTVL, 5), (socket.TCP_KEEPCNT, 3))


@dataclass(frozen=True)
class Where:
    """A member of the cluster, as a WebSocket finds it: `name` stands in its certificate."""

    address: str
    port: int
    context: ssl.SSLContext
    name: str


def keep_alive(plain: socket.socket) -> None:
    """Have the kernel notice within half a minute that the other side is gone."""
    plain.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for option, value in _ALIVE:
        plain.setsockopt(socket.IPPROTO_TCP, option, value)


def upgrade(where: Where, resource: str) -> bytes:
    """The request that opens a WebSocket."""
    key = base64.b64encode(os.urandom(16)).decode()
    lines = (
        f"GET {resource} HTTP/1.1", f"Host: {where.address}:{where.port}", "Connection: Upgrade", "Upgrade: websocket",
        "Sec-WebSocket-Version: 13", f"Sec-WebSocket-Key: {key}", "", "",
    )  # fmt: skip
    return "\r\n".join(lines).encode()


def must_be_open(status: bytes) -> None:
    """Raises ConnectionError when the first line of the answer is no consent."""
    if b" 101 " not in status:
        raise ConnectionError(f"LXD did not open the stream: {status.decode('latin-1').strip()}")


def wanted(part: bytes | bytearray) -> int:
    """How many bytes the frame that begins with `part` has, as far as that tells. Raises ConnectionError: too many."""
    if len(part) < 2:
        return 2
    size, head = part[1] & 0x7F, 2
    if size >= 126:
        head += 2 if size == 126 else 8
        if len(part) < head:
            return head
        size = int.from_bytes(part[2:head], "big")
    if size > _MOST:
        raise ConnectionError(f"LXD sent a frame of {size} bytes")
    return head + size


def read(frame: bytes | bytearray) -> tuple[int, bytes]:
    """Kind and payload of a frame of the server's that is whole."""
    size = frame[1] & 0x7F
    head = 2 if size < 126 else 4 if size == 126 else 10
    return frame[0] & 0x0F, bytes(frame[head:])


def write(kind: int, payload: bytes) -> bytes:
    """A client's frame, masked."""
    size = len(payload)
    if size < 126:
        head = struct.pack("!BB", 0x80 | kind, 0x80 | size)
    elif size < 1 << 16:
        head = struct.pack("!BBH", 0x80 | kind, 0x80 | 126, size)
    else:
        head = struct.pack("!BBQ", 0x80 | kind, 0x80 | 127, size)
    mask = os.urandom(4)
    key = (mask * (size // 4 + 1))[:size]
    masked = (int.from_bytes(payload, "big") ^ int.from_bytes(key, "big")).to_bytes(size, "big")
    return head + mask + masked
