"""The event streams that LXD leaves open to itself are closed, and its other connections are not."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from importlib.machinery import SourceFileLoader
from importlib.util import module_from_spec, spec_from_loader
from pathlib import Path
from types import ModuleType

import pytest

PROGRAM = Path(__file__).resolve().parents[2] / "roles" / "lxd_member" / "files" / "lxd-streams"
OUTPUT = """\
0      0      10.0.0.1:52198 10.0.0.1:8443 timer:(keepalive,1.876ms,0) ino:50214 sk:1002
\t ts sack bbr wscale:10,10 bytes_sent:1500 bytes_acked:1501 bytes_received:90000 segs_out:9
0      0      10.0.0.1:52200 10.0.0.2:8443
\t ts sack bytes_sent:1500 bytes_received:90000
0      0      [fd00::1]:52202 [fd00::1]:8443
\t ts sack bytes_sent:7 bytes_received:8
0      0      10.0.0.1:52204 10.0.0.1:8443
\t ts sack
"""


@pytest.fixture(scope="module")
def script() -> ModuleType:
    loader = SourceFileLoader("lxd_streams", str(PROGRAM))
    module = module_from_spec(spec_from_loader(loader.name, loader))
    sys.modules[loader.name] = module
    loader.exec_module(module)
    return module


def test_connections_of_the_member_to_itself_are_read(script: ModuleType) -> None:
    assert script.parse(OUTPUT, "10.0.0.1") == {52198: script.Stream(1500, 90000)}
    assert script.parse(OUTPUT, "fd00::1") == {52202: script.Stream(7, 8)}


@pytest.mark.parametrize(
    ("looks", "is_forgotten"),
    [
        ([(1500, 90000), (1536, 91000), (1572, 91000)], True),
        ([(1500, 90000), (1536, 91000)], False),  # not for long enough
        ([(1500, 9000), (1536, 9100), (1572, 9200)], False),  # did not get much more than it sent
        ([(1500, 90000), (1500, 90000), (1500, 90000)], False),  # a kept connection, which gives no sign of life
        ([(1500, 90000), (9500, 900000), (9536, 900000)], False),  # was just used
    ],
)
def test_a_stream_is_forgotten_that_only_gives_signs_of_life(
    script: ModuleType, looks: list[tuple[int, int]], is_forgotten: bool
) -> None:
    known: dict = {}
    for sent, got in looks:
        known = script.forgotten(known, {7: script.Stream(sent, got)})
    assert (known[7].looks >= script.LOOKS) is is_forgotten


class Pair:
    """A connection of this process to itself; each of `words` bytes that its client says is answered by `answers`."""

    def __init__(self, server: socket.socket, word: bytes, answer: bytes) -> None:
        self.client = socket.create_connection(server.getsockname())
        self.other, _ = server.accept()
        self._word, self._answer = word, answer
        self.broken = False
        threading.Thread(target=self._talk, daemon=True).start()

    def _talk(self) -> None:
        try:
            while True:
                self.client.sendall(self._word)
                self.other.recv(len(self._word), socket.MSG_WAITALL)
                self.other.sendall(self._answer)
                self.client.recv(len(self._answer), socket.MSG_WAITALL)
                time.sleep(0.05)
        except OSError:
            self.broken = True


@pytest.fixture
def server() -> Iterator[socket.socket]:
    with closing(socket.create_server(("127.0.0.1", 0), backlog=4)) as listening:
        yield listening


@pytest.mark.skipif(os.geteuid() != 0, reason="closing others' connections needs root")
def test_the_kernel_closes_a_forgotten_stream_and_no_other(server: socket.socket) -> None:
    port = server.getsockname()[1]
    quick = f"import runpy, sys; sys.argv[1:] = ['--address=127.0.0.1', '--port={port}']; " \
        f"m = runpy.run_path({str(PROGRAM)!r}); m['watch'].__globals__['EVERY'] = 0.3; m['main']()"  # fmt: skip
    forgotten, used = Pair(server, b"ping" * 8, b"event" * 400), Pair(server, b"query" * 100, b"rows" * 400)
    with subprocess.Popen([sys.executable, "-c", quick]) as watcher:
        try:
            deadline = time.monotonic() + 20
            while not forgotten.broken:
                assert time.monotonic() < deadline, "the forgotten stream is still open"
                time.sleep(0.1)
            assert not used.broken
        finally:
            watcher.terminate()
