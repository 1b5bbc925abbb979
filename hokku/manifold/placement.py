"""Which host a dyno goes to: one app's dynos apart from each other, then where least memory is committed."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True)
class Load:
    """A dyno that is, or is about to be, on a host. `memory` in MiB; `leaving` ones do not count for the spread."""

    host: str
    app_id: uuid.UUID
    type: str
    number: int
    memory: int
    created_at: datetime
    leaving: bool = False


def choose(hosts: Sequence[str], loads: Iterable[Load], app_id: uuid.UUID, kind: str, number: int) -> str | None:
    """The host for the app's new dyno `kind`.`number` among those that can take one; None when there is none.

    Of several dynos with one number only the newest counts for the spread: the others are being replaced, as is every
    one with the number of the new dyno.
    """
    same, app, memory, count = ({host: 0 for host in hosts} for _ in range(4))
    staying: dict[tuple[str, int], Load] = {}
    for load in sorted(loads, key=lambda load: load.created_at):
        if load.host in memory:
            memory[load.host] += load.memory
            count[load.host] += 1
        if load.app_id == app_id and not load.leaving:
            staying[load.type, load.number] = load
    staying.pop((kind, number), None)
    for load in staying.values():
        if load.host in memory:
            app[load.host] += 1
            same[load.host] += load.type == kind
    order = [(same[host], app[host], memory[host], count[host], host) for host in hosts]
    return min(order)[-1] if order else None
