"""Slots: a dyno's place on its host, from which its address and its published port follow.

A slot is not given again before its quarantine is over and every router was seen without its last dyno, so that a
router that knows too little sends a request to nobody rather than to the wrong app.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime, timedelta


def address(slot: int) -> str:
    """The dyno's own address on its host's bridge."""
    return f"10.99.{1 + slot // 250}.{1 + slot % 250}"


def port(slot: int, first: int) -> int:
    """The port of the host on which a web dyno in this slot is published."""
    return first + slot


def free(
    rows: Mapping[int, datetime | None],
    found: Collection[int],
    *,
    count: int,
    now: datetime,
    quarantine: float,
    routers_seen: datetime | None,
) -> int | None:
    """A slot of a host for a new dyno, never used ones first, then the one unused for longest; None when all are taken.

    `rows`: when the last dyno of a slot stopped (None: it lives). `found`: slots of instances that the host still has.
    `routers_seen`: since when every router is known to be without dynos that had stopped then; None: not known.
    """
    taken = set(rows) | set(found)
    for slot in range(count):
        if slot not in taken:
            return slot
    if routers_seen is None:
        return None
    latest = min(now - timedelta(seconds=quarantine), routers_seen)
    ended = [(at, slot) for slot, at in rows.items() if at is not None and slot not in found and slot < count]
    oldest = min(ended, default=None)
    return oldest[1] if oldest and oldest[0] < latest else None
