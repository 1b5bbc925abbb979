"""Which host a dyno goes to: one app's dynos apart from each other, then where least memory is committed."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

TOLD = 3  # hosts that an explanation names beside the one chosen


@dataclass(frozen=True)
class Load:
    """A dyno that is, or is about to be, on a host. `memory` in MiB; `leaving` ones do not count for the spread.

    `crashed`: nothing of it is on the host until it is started again, wherever that is. `crashes`: in a row, up to now.
    """

    host: str
    app_id: uuid.UUID
    type: str
    number: int
    memory: int
    created_at: datetime
    leaving: bool = False
    crashed: bool = False
    crashes: int = 0
    oneoff: bool = False


@dataclass(frozen=True, order=True)
class Standing:
    """What speaks against a host, in the order in which it is compared: the app's dynos of the type and all of the app,
    memory committed by whatever is there (MiB), and how many dynos that is."""

    same: int
    app: int
    memory: int
    count: int
    host: str

    def __str__(self) -> str:
        spread = f"{self.same} of this type, {self.app} of this app"
        return f"{self.host} ({spread}, {self.memory} MiB in {self.count} dynos)"


def rank(hosts: Sequence[str], loads: Iterable[Load], app_id: uuid.UUID, kind: str, number: int) -> list[Standing]:
    """The hosts for the app's new dyno `kind`.`number` among those that can take one, the best first.

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
    return sorted(Standing(same[host], app[host], memory[host], count[host], host) for host in hosts)


def choose(hosts: Sequence[str], loads: Iterable[Load], app_id: uuid.UUID, kind: str, number: int) -> str | None:
    """The best host for the new dyno; None when there is none."""
    ranked = rank(hosts, loads, app_id, kind, number)
    return ranked[0].host if ranked else None


def why(ranked: Sequence[Standing], full: Sequence[str] = ()) -> str:
    """Why the first of the ranked hosts was chosen, in a sentence without its end.

    `full`: hosts that came before it and have no slot left.
    """
    besides = f"; {taken(full)}" if full else ""
    if len(ranked) == 1:
        return f"host {ranked[0]} is the only one that can take it{besides}"
    others = ", ".join(map(str, ranked[1 : 1 + TOLD]))
    more = f" and {len(ranked) - 1 - TOLD} more" if len(ranked) > 1 + TOLD else ""
    return f"host {ranked[0]} comes before {others}{more}{besides}"


def taken(full: Sequence[str]) -> str:
    """What is told of hosts without a free slot, in a sentence without its end."""
    return f"all slots of host {full[0]} are taken" if len(full) == 1 else f"all slots of {', '.join(full)} are taken"
