"""The end of a client's input, which is a byte that files have too."""

from __future__ import annotations

import asyncio
import socket
import time

import pytest

from hokku.oneoff.bridge import Bridge


class Kept:
    """A command that keeps what it is given, and ends with its input."""

    def __init__(self) -> None:
        self.given = b""
        self._ended = asyncio.Event()

    async def read(self) -> bytes:
        await self._ended.wait()
        return b""

    async def write(self, data: bytes) -> None:
        self.given += data

    async def end_input(self) -> None:
        self._ended.set()


async def bridged(first: bytes, late: bytes, *, stall: float, held_up: bool) -> bytes:
    """What the command gets when `late` comes `stall` seconds after `first`; `held_up`: the service itself is."""
    ours, theirs = socket.socketpair()
    reader, writer = await asyncio.open_connection(sock=ours)
    command = Kept()

    def hold_up() -> None:
        theirs.sendall(late)
        time.sleep(stall)

    theirs.sendall(first)
    loop = asyncio.get_running_loop()
    if held_up:
        loop.call_later(0.1, hold_up)
    else:
        loop.call_later(stall, theirs.sendall, late)
    try:
        async with asyncio.timeout(20):
            await Bridge(reader, writer, command, tty=False).run()
        return command.given
    finally:
        writer.close()
        theirs.close()


@pytest.mark.parametrize("block", [512, 16_384, 65_536])
def test_a_block_that_ends_with_the_byte_of_the_end_is_followed_by_the_rest_of_its_file(block: int) -> None:
    first = b"x" * (block - 1) + b"\x04"
    assert asyncio.run(bridged(first, b"rest\x04", stall=1.0, held_up=False)) == first + b"rest"


def test_a_service_that_was_held_up_itself_does_not_take_a_byte_for_the_end() -> None:
    assert asyncio.run(bridged(b"some\x04", b"rest\x04", stall=1.0, held_up=True)) == b"some\x04rest"


def test_input_that_ends_is_ended_soon() -> None:
    assert asyncio.run(bridged(b"some\x04", b"too late", stall=3.0, held_up=False)) == b"some"
