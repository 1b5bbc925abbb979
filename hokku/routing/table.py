"""What one router has: its maps and the slots of its pool. Commands change it as they change the router."""

from __future__ import annotations

import enum
from dataclasses import dataclass, field, replace

HOSTS, APPS, STATES, DYNOS, MESH, CERTIFICATES = "hosts", "apps", "states", "dynos", "mesh", "certs"
MAPS = (HOSTS, APPS, STATES, DYNOS, MESH, CERTIFICATES)
UNASSIGNED = 1  # the port of a slot that never had a dyno; nothing listens there


class SlotState(enum.StrEnum):
    """HAProxy's administrative states of a server. In MAINT nothing is sent; in DRAIN nothing new."""

    READY = "ready"
    DRAIN = "drain"
    MAINT = "maint"


@dataclass(frozen=True)
class Slot:
    """A server line of a backend. `turn` counts up with each change, so that the least recently used is known."""

    address: str
    port: int
    state: SlotState
    turn: int = 0

    @property
    def place(self) -> tuple[str, int]:
        """Address and port."""
        return self.address, self.port

    @property
    def fresh(self) -> bool:
        """Whether no dyno was ever behind it."""
        return self.port == UNASSIGNED


@dataclass
class Table:
    """Maps by name, slots by backend and slot name, and the host names that have a certificate of their own."""

    maps: dict[str, dict[str, str]] = field(default_factory=lambda: {name: {} for name in MAPS})
    slots: dict[str, dict[str, Slot]] = field(default_factory=dict)
    turn: int = 0
    certified: set[str] = field(default_factory=set)

    def copy(self) -> Table:
        """A table that can be changed without changing this one."""
        return Table(
            {name: dict(pairs) for name, pairs in self.maps.items()},
            {backend: dict(slots) for backend, slots in self.slots.items()},
            self.turn,
            set(self.certified),
        )


@dataclass(frozen=True)
class PutMap:
    """A map's key gets a value, whether it had one or not. `known`: the router has the key already."""

    map: str
    key: str
    value: str
    known: bool

    def apply(self, table: Table) -> None:
        table.maps[self.map][self.key] = self.value


@dataclass(frozen=True)
class DropMap:
    """A map's key goes."""

    map: str
    key: str

    def apply(self, table: Table) -> None:
        table.maps[self.map].pop(self.key, None)


@dataclass(frozen=True)
class Vacate:
    """What was left of requests to the slot's old dyno is cut, and waited for."""

    backend: str
    slot: str

    def apply(self, table: Table) -> None:
        pass


@dataclass(frozen=True)
class Assign:
    """A slot in MAINT gets an address."""

    backend: str
    slot: str
    address: str
    port: int

    def apply(self, table: Table) -> None:
        table.turn += 1
        old = table.slots[self.backend][self.slot]
        table.slots[self.backend][self.slot] = replace(old, address=self.address, port=self.port, turn=table.turn)


@dataclass(frozen=True)
class SetState:
    """A slot becomes ready, draining, or idle."""

    backend: str
    slot: str
    state: SlotState

    def apply(self, table: Table) -> None:
        table.turn += 1
        old = table.slots[self.backend][self.slot]
        table.slots[self.backend][self.slot] = replace(old, state=self.state, turn=table.turn)


Command = PutMap | DropMap | Vacate | Assign | SetState
