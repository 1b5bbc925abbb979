"""Which host a dyno goes to: one app's dynos apart from each other, then where least memory is committed."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Load:
    """A dyno that is, or is about to be, on a host. `memory` in MiB; `leaving` ones do not count for the spread."""

    host: str
    app_id: uuid.UUID
    type: str
    memory: int
    leaving: bool = False


def choose(hosts: Sequence[str], loads: Iterable[Load], app_id: uuid.UUID, kind: str) -> str | None:
    """The host for a new dyno of that app and type among those that can take one; None when there is none."""
    same, app, memory, count = ({host: 0 for host in hosts} for _ in range(4))
    for load in loads:
        if load.host not in memory:
            continue
        memory[load.host] += load.memory
        count[load.host] += 1
        if load.app_id == app_id and not load.leaving:
            app[load.host] += 1
            same[load.host] += load.type == kind
    order = [(same[host], app[host], memory[host], count[host], host) for host in hosts]
    return min(order)[-1] if order else None
