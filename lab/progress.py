"""Progress lines: what is being done and how many seconds it took."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from lab.command import LabError

_BEGAN = time.monotonic()
_LINE = threading.Lock()


def say(text: str) -> None:
    """Print one line with the seconds since the program began in front of it."""
    with _LINE:
        print(f"[{time.monotonic() - _BEGAN:6.1f} s] {text}", flush=True)


@contextmanager
def step(text: str) -> Iterator[None]:
    """Say that a step begins and, when it has ended, how many seconds it took."""
    say(f"{text} …")
    began = time.monotonic()
    yield
    say(f"{text}: done in {time.monotonic() - began:.1f} s")


def wait_until(condition: Callable[[], bool], what: str, seconds: float, pause: float = 0.1) -> None:
    """Wait until condition() holds; raises LabError naming `what` when it does not within `seconds`."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise LabError(f"Waited {seconds:.0f} s in vain for {what}.")
        time.sleep(pause)
