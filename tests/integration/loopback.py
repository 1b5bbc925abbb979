"""What every test with real servers on loopback needs: a free port, and to wait for a condition with a deadline."""

from __future__ import annotations

import contextlib
import itertools
import os
import random
import socket
import time
from collections.abc import Callable

# Below the ports that the kernel gives to connections; so many for each process of tests.
_FIRST, _SHARE = 12_000, 4_000
_worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw")) % 5
_turns = itertools.count(random.randrange(_SHARE))


def free_port() -> int:
    """A TCP port of 127.0.0.1 that nobody listens on, and that no connection and no other process of tests takes."""
    while True:
        port = _FIRST + _worker * _SHARE + next(_turns) % _SHARE
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port


def wait_for(what: str, condition: Callable[[], object], seconds: float) -> None:
    """Return as soon as `condition()` is true; AssertionError, with `what` was waited for, after `seconds`."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"{what}: not within {seconds} s"
        time.sleep(0.01)
