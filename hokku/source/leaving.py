"""Noticing that the client of a push went away, while the hook waits for something else.

When the client of SSH is gone, the process of sshd that served it ends, and git goes on as an orphan: it ignores what
it cannot write while a hook runs. So the hook looks whose child git is. Over HTTPS the API signals git and hook.
Either raises `Left` in the main thread.
"""

from __future__ import annotations

import contextlib
import os
import select
import signal
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from types import FrameType

_LOOK = 0.5  # seconds
_SIGNALS = (signal.SIGHUP, signal.SIGINT, signal.SIGTERM)


class Left(BaseException):
    """The client is gone. No Exception, so that nothing on its way takes it for an error of a call."""


class Client:
    """Who waits for the push."""

    def __init__(self) -> None:
        self._gone = self._waiting = False

    def gone(self) -> None:
        """Raise Left, now or once the block of `waits` is over; it is raised once."""
        if self._gone:
            return
        self._gone = True
        if not self._waiting:
            raise Left

    @contextlib.contextmanager
    def waits(self) -> Iterator[None]:
        """A block that is done to its end even when the client goes; call `look` after it."""
        self._waiting = True
        try:
            yield
        finally:
            self._waiting = False

    def look(self) -> None:
        """Raise Left if the client went during `waits`."""
        if self._gone:
            raise Left


@contextlib.contextmanager
def noticed() -> Iterator[Client]:
    """Within the block, a client that goes raises Left."""
    client = Client()

    def signalled(number: int, frame: FrameType | None) -> None:
        client.gone()

    before = {number: signal.signal(number, signalled) for number in _SIGNALS}
    over, close = os.pipe()
    watch = threading.Thread(target=_watch, args=(over,), daemon=True)
    watch.start()
    try:
        yield client
    finally:
        os.close(close)
        watch.join()
        os.close(over)
        for number, handler in before.items():
            signal.signal(number, handler)


def silence() -> None:
    """Let what is still said go nowhere: nobody reads it."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _watch(over: int) -> None:
    """Signal the main thread when git has lost its parent; ends when `over` is closed on its other side."""
    first = _line()
    while not select.select([over], [], [], _LOOK)[0]:
        if _line() != first:
            signal.pthread_kill(threading.main_thread().ident, signal.SIGHUP)
            return


def _line() -> tuple[int, int]:
    """git, and whose child it is (0 when git is gone)."""
    git = os.getppid()
    try:
        fields = Path(f"/proc/{git}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return git, 0
    return git, int(fields[1])
