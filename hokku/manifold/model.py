"""What the manifold sees of one dyno: its row, what LXD has of it, and what routers and its port said."""

from __future__ import annotations

import enum
import uuid
from dataclasses import dataclass
from datetime import datetime

from hokku.store.tables import DynoState

WEB = "web"


class Presence(enum.Enum):
    """What is known of a dyno's container. UNKNOWN: its host does not answer; BUSY: something is done to it."""

    RUNNING = "running"
    STOPPED = "stopped"
    GONE = "gone"
    BUSY = "busy"
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class Ended:
    """How a dyno's process ended: its exit `status` (128 + signal as in a shell), or None when something else ended its
    container: then `why`, if that is known."""

    status: int | None
    why: str | None = None


@dataclass(frozen=True)
class DynoView:
    """One dyno, at one moment.

    `port_open`: $PORT was reached. `routed`: every router that answers sends it requests; `unrouted`: none does.
    `drained`: nothing is in flight to it any more, or the drain window is over. `lost`: its host is dead.
    `doom`: the error for which it is being killed (R10, R12). `moving`: its host is being drained, and it is to be
    replaced elsewhere now.
    """

    id: uuid.UUID
    app_id: uuid.UUID
    release_id: uuid.UUID
    version: int
    type: str
    number: int
    size: str
    state: DynoState
    host: str
    created_at: datetime
    crashes: int = 0
    retry_at: datetime | None = None
    stop_requested: bool = False
    presence: Presence = Presence.UNKNOWN
    lost: bool = False
    port_open: bool = False
    routed: bool = False
    unrouted: bool = True
    drained: bool = False
    running_since: datetime | None = None
    up_since: datetime | None = None
    terminated_at: datetime | None = None
    ended: Ended | None = None
    doom: str | None = None
    moving: bool = False

    @property
    def name(self) -> str:
        """As users know it: web.1"""
        return f"{self.type}.{self.number}"

    @property
    def serves(self) -> bool:
        """Whether it does what it is for: it is up and, if it is a web dyno, every router sends it requests."""
        return self.up and (self.type != WEB or self.routed)

    @property
    def up(self) -> bool:
        """Whether it is up, as far as is known."""
        return self.state is DynoState.UP and self.presence in (Presence.RUNNING, Presence.UNKNOWN) and not self.doom


@dataclass(frozen=True)
class Trouble:
    """Why a dyno could not be made lately: for reasons that are not the application's."""

    reason: str
    count: int
    until: datetime
    final: bool = False  # trying again cannot help
