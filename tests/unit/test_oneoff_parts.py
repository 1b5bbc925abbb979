"""What a terminal is made of, piece by piece: sizes, sessions, frames of LXD's WebSockets."""

from __future__ import annotations

import asyncio
import contextlib
import struct

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hokku.manifold.websocket import BINARY, CLOSE, PING, PONG, TEXT
from hokku.oneoff import execution
from hokku.oneoff.execution import Execution, Request
from hokku.oneoff.websocket import WebSocket
from hokku.store.oneoffs import Order


class Sink:
    """A writer that keeps what is written."""

    def __init__(self) -> None:
        self.written = b""

    def write(self, data: bytes) -> None:
        self.written += data

    async def drain(self) -> None:
        return


def frame(kind: int, payload: bytes) -> bytes:
    """As a server sends it: unmasked."""
    size = len(payload)
    if size < 126:
        return struct.pack("!BB", 0x80 | kind, size) + payload
    if size < 1 << 16:
        return struct.pack("!BBH", 0x80 | kind, 126, size) + payload
    return struct.pack("!BBQ", 0x80 | kind, 127, size) + payload


def unframe(data: bytes) -> tuple[int, bytes]:
    """The kind and the payload of a client's masked frame."""
    size, at = data[1] & 0x7F, 2
    if size >= 126:
        width = 2 if size == 126 else 8
        size, at = int.from_bytes(data[2 : 2 + width], "big"), 2 + width
    assert data[1] & 0x80
    mask, body = data[at : at + 4], data[at + 4 :]
    assert len(body) == size
    return data[0] & 0x0F, bytes(byte ^ mask[n % 4] for n, byte in enumerate(body))


async def given_pieces(pieces: list[bytes]) -> tuple[list[bytes], Sink]:
    """What is received when it comes in these pieces and the reader is cancelled before each."""
    reader, sink, got = asyncio.StreamReader(), Sink(), []
    socket = WebSocket(reader, sink)  # type: ignore[arg-type]
    for piece in pieces:
        reading = asyncio.ensure_future(socket.receive())
        await asyncio.sleep(0)
        reader.feed_data(piece)
        for _ in range(6):
            await asyncio.sleep(0)
        if reading.done():
            got.append(reading.result())
        else:
            reading.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await reading
    while True:
        try:
            async with asyncio.timeout(0.02):
                got.append(await socket.receive())
        except TimeoutError:
            return got, sink


@settings(max_examples=60, deadline=None)
@given(st.lists(st.binary(min_size=1, max_size=300), max_size=6), st.lists(st.integers(1, 200), max_size=20))
def test_frames_survive_any_cut_and_any_cancellation(payloads: list[bytes], cuts: list[int]) -> None:
    whole = b"".join(frame(BINARY, payload) for payload in payloads)
    pieces, at = [], 0
    for cut in cuts:
        pieces.append(whole[at : at + cut])
        at += cut
    got, _ = asyncio.run(given_pieces([piece for piece in [*pieces, whole[at:]] if piece]))
    assert b"".join(got) == b"".join(payloads)


@pytest.mark.parametrize("last", [frame(TEXT, b""), frame(CLOSE, b"\x03\xe8")])
def test_an_empty_text_and_a_close_end_the_output(last: bytes) -> None:
    async def play() -> list[bytes]:
        reader = asyncio.StreamReader()
        reader.feed_data(frame(BINARY, b"x" * 70_000) + last)
        socket = WebSocket(reader, Sink())  # type: ignore[arg-type]
        return [await socket.receive(), await socket.receive()]

    assert asyncio.run(play()) == [b"x" * 70_000, b""]


def test_a_ping_is_answered_and_a_stream_that_breaks_off_is_told() -> None:
    async def play() -> bytes:
        reader, sink = asyncio.StreamReader(), Sink()
        reader.feed_data(frame(PING, b"still there?"))
        reader.feed_eof()
        with pytest.raises(ConnectionError):
            await WebSocket(reader, sink).receive()  # type: ignore[arg-type]
        return sink.written

    assert unframe(asyncio.run(play())) == (PONG, b"still there?")


@pytest.mark.parametrize("size", [0, 1, 125, 126, 65535, 65536, 100_001])
def test_what_is_sent_is_masked_and_whole(size: int) -> None:
    sink, data = Sink(), bytes(n % 251 for n in range(size))
    asyncio.run(WebSocket(None, sink).send(data))  # type: ignore[arg-type]
    assert unframe(sink.written) == (BINARY, data)


@pytest.mark.parametrize(
    ("env", "size"),
    [
        ({"COLUMNS": "101", "LINES": "33"}, (101, 33)),
        ({"COLUMNS": "0", "LINES": "-1"}, (80, 24)),
        ({"COLUMNS": "9999999999", "LINES": "x"}, (80, 24)),
        ({}, (80, 24)),
    ],
)
def test_the_size_of_a_terminal(env: dict[str, str], size: tuple[int, int]) -> None:
    assert Request(Order("bash", env), True).size == size


def test_a_session_holds_the_command_first_and_a_terminal_always_has_a_name() -> None:
    assert Request(Order("ls", {"A": "1"}), False).session == b"command=ls\0A=1\0"
    assert Request(Order("ls", {}), True).session == b"command=ls\0TERM=xterm\0"
    assert b"TERM=dumb\0" in Request(Order("ls", {"TERM": "dumb"}), True).session


def test_who_closed_its_output_and_runs_on_is_asked_after_rarely_and_only_while_wanted(monkeypatch):
    asked, pauses = [], []

    class Endless:
        def status(self, operation, seconds):
            asked.append(seconds)

    async def sleep(seconds):
        pauses.append(seconds)

    async def ask():
        running = Execution(Endless(), "operation", {"1": WebSocket(None, Closed())}, tty=False)
        return await running.status(lambda: len(asked) < 20)

    monkeypatch.setattr(execution.asyncio, "sleep", sleep)
    assert asyncio.run(ask()) is None
    assert asked == [5] + [1] * 19
    assert pauses[:3] == [1.0, 2.0, 3.0]
    assert max(pauses) == 15.0


class Closed:
    def is_closing(self) -> bool:
        return True
