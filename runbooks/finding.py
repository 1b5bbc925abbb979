"""What was found wrong or well, in the order in which it must be mended."""

from __future__ import annotations

import enum
from collections.abc import Iterable
from dataclasses import dataclass


class State(enum.StrEnum):
    """WARNING: it works, and will not for long or not in an accident. FAILED: it does not."""

    OK = "ok"
    WARNING = "warning"
    FAILED = "failed"


# What others stand on comes first: mending the courier of a platform without a database mends nothing.
ORDER = (
    "machine", "disk", "memory", "time", "database", "logplex", "api", "manifold", "host", "router", "builder",
    "rendezvous", "courier", "logs", "certificates", "capacity",
)  # fmt: skip
_GRAVITY = {State.FAILED: 0, State.WARNING: 1, State.OK: 2}


@dataclass(frozen=True)
class Finding:
    """How one part is. `message` and `remedy` are sentences; `host` is where, if it is on one machine.

    `near` is false of what was seen from afar (by the API): what a machine says of itself comes first.
    """

    part: str
    name: str
    state: State
    message: str
    remedy: str | None = None
    host: str | None = None
    near: bool = True


def _rank(each: Finding) -> float:
    """A machine's certificate that has ended keeps the API, Redis and PostgreSQL from being asked."""
    if each.part == "certificates" and each.state is State.FAILED and each.near:
        return ORDER.index("time") + 0.5
    return ORDER.index(each.part) if each.part in ORDER else len(ORDER)


def ordered(found: Iterable[Finding]) -> list[Finding]:
    """The worst first, and of those that what others stand on. Pure, and stable."""
    return sorted(found, key=lambda each: (_GRAVITY[each.state], _rank(each), not each.near))


def next_step(found: Iterable[Finding]) -> Finding | None:
    """The one to mend now, or None when all is well. Pure."""
    first = next(iter(ordered(found)), None)
    return first if first and first.state is not State.OK else None


def exit_status(found: Iterable[Finding]) -> int:
    """1 when something has failed, else 0. Pure."""
    return int(any(each.state is State.FAILED for each in found))
