"""What a check found: how a part is, in a sentence, and what to do about it."""

from __future__ import annotations

import enum
from collections.abc import Callable, Iterable
from dataclasses import dataclass


class State(enum.StrEnum):
    """WARNING: it works, and will not for long or not in an accident. FAILED: it does not."""

    OK = "ok"
    WARNING = "warning"
    FAILED = "failed"


@dataclass(frozen=True)
class Finding:
    """How one part of the platform is. `message` and `remedy` are sentences; what is well needs no remedy."""

    part: str
    name: str
    state: State
    message: str
    remedy: str | None = None


@dataclass(frozen=True)
class Check:
    """Something to look at: `look` gives what it found, one finding or more, or raises what stood in its way.

    `remedy` is for what it raises, and for one that does not end in time.
    """

    part: str
    name: str
    remedy: str
    look: Callable[[], Iterable[Finding]]

    def well(self, message: str) -> Finding:
        """All is well with it."""
        return Finding(self.part, self.name, State.OK, message)

    def broken(self, message: str) -> Finding:
        """It does not work."""
        return Finding(self.part, self.name, State.FAILED, message, self.remedy)


def well(part: str, name: str, message: str) -> Finding:
    """All is well with it."""
    return Finding(part, name, State.OK, message)


def warning(part: str, name: str, message: str, remedy: str) -> Finding:
    """It works, but."""
    return Finding(part, name, State.WARNING, message, remedy)


def failed(part: str, name: str, message: str, remedy: str) -> Finding:
    """It does not work."""
    return Finding(part, name, State.FAILED, message, remedy)
