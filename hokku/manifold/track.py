"""What the manifold remembers of a dyno beside its row, and how both and a listing become one view.

All of it may be lost at any moment: what matters is found again in the rows, in LXD and on the routers.
"""

from __future__ import annotations

import time
import uuid
from dataclasses import dataclass, field
from datetime import datetime

from hokku.manifold.hosts import Listing
from hokku.manifold.model import WEB, DynoView, Ended, Presence
from hokku.manifold.publisher import Publisher
from hokku.store.tables import Dyno, DynoState, now

_STATUS = {
    "Running": Presence.RUNNING,
    "Ready": Presence.RUNNING,
    "Frozen": Presence.RUNNING,
    "Stopped": Presence.STOPPED,
}


@dataclass
class Tracked:
    """`presence` is what the last thing done to it left; a listing asked for after `changed_at` knows better."""

    decided_at: datetime = field(default_factory=now)
    changed_at: float = field(default_factory=time.monotonic)
    presence: Presence = Presence.UNKNOWN
    busy: bool = False
    pause_until: float = 0.0
    running_since: datetime | None = None
    up_since: datetime | None = None
    probed: bool = False
    port_open: bool = False
    terminated_at: datetime | None = None
    ended: Ended | None = None
    unread: int = 0  # times that how it ended could not be read
    doom: str | None = None

    def begin(self) -> None:
        """Something is about to be done to it."""
        self.busy = True

    def finish(self, presence: Presence | None, pause: float = 0.0) -> None:
        """It was done, and left it like this (None: not known); nothing else is done to it for `pause` seconds."""
        self.busy = False
        self.changed_at = time.monotonic()
        self.pause_until = self.changed_at + pause
        if presence is not None:
            self.presence = presence


def presence(tracked: Tracked, instance: str, listing: Listing | None) -> Presence:
    """What is known of its container."""
    if tracked.busy or time.monotonic() < tracked.pause_until:
        return Presence.BUSY
    if listing is None or listing.asked_at <= tracked.changed_at:
        return tracked.presence
    found = listing.instances.get(instance)
    return Presence.GONE if found is None else _STATUS.get(found.status, Presence.UNKNOWN)


def view(
    row: Dyno,
    version: int,
    tracked: Tracked,
    listing: Listing | None,
    lost: bool,
    publisher: Publisher,
    moving: bool = False,
) -> DynoView:
    """The dyno as it is now."""
    seen = presence(tracked, row.instance, listing)
    if seen is Presence.RUNNING and tracked.running_since is None:
        tracked.running_since = now()
    web = row.type == WEB
    stopping = row.state is DynoState.STOPPING
    unrouted = not web or publisher.unrouted(row.app_id, row.id)
    return DynoView(
        id=row.id,
        app_id=row.app_id,
        release_id=row.release_id,
        version=version,
        type=row.type,
        number=row.number,
        size=row.size,
        state=row.state,
        host=row.host,
        created_at=row.created_at,
        crashes=row.crashes,
        retry_at=row.retry_at,
        stop_requested=row.stop_requested_at is not None,
        presence=seen,
        lost=lost,
        port_open=tracked.port_open,
        routed=web and publisher.routed(row.app_id, row.id),
        unrouted=unrouted,
        drained=not web or (stopping and unrouted and publisher.drained(row.id)),
        running_since=tracked.running_since,
        up_since=(tracked.up_since or row.updated_at) if row.state is DynoState.UP else None,
        terminated_at=tracked.terminated_at,
        ended=tracked.ended,
        doom=tracked.doom or (row.reason if row.state is DynoState.CRASHED else None),
        moving=moving,
    )


def forget_all_but(tracked: dict[uuid.UUID, Tracked], kept: set[uuid.UUID]) -> None:
    """Drop what is remembered of dynos that are no more."""
    for dyno_id in tracked.keys() - kept:
        del tracked[dyno_id]
