"""What operators want of dyno hosts, and what the manifold sees of hosts and routers.

One writer each: the API writes wishes, the manifold reports. A report is for people, and never believed against the
cluster. A host without a wish is wanted active.
"""

from __future__ import annotations

import enum
from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlalchemy import delete, func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Mapped, Session, mapped_column

from hokku.store.oneoffs import Oneoff
from hokku.store.tables import Base, Dyno, DynoState, now

_LOCK = 0x686F7374  # advisory lock: one change of what is wanted at a time, so that two never close the last host
STALE = timedelta(seconds=30)  # after which a report says nothing of the present


class Wanted(enum.StrEnum):
    """ACTIVE: takes dynos; CORDONED: keeps what it has, and takes no new ones; DRAINED: gives away what it has."""

    ACTIVE = "active"
    CORDONED = "cordoned"
    DRAINED = "drained"


class HostState(enum.StrEnum):
    """UNREACHABLE: it does not answer, which is not yet a reason to take it for dead. UNKNOWN: not looked at lately."""

    ONLINE = "online"
    OFFLINE = "offline"
    UNREACHABLE = "unreachable"
    UNKNOWN = "unknown"


class HostWish(Base):
    """What operators want of a host."""

    __tablename__ = "host_wishes"
    name: Mapped[str] = mapped_column(primary_key=True)
    wanted: Mapped[Wanted]
    created_at: Mapped[datetime] = mapped_column(default=now)
    updated_at: Mapped[datetime] = mapped_column(default=now, onupdate=now)


class HostReport(Base):
    """What the manifold sees. `empty`: nothing of any app is left on it, and nothing new will come while the wish of
    `wish_at` (its `updated_at`) stands. `memory_total` in MiB. `reported_at` is the database's time."""

    __tablename__ = "host_reports"
    name: Mapped[str] = mapped_column(primary_key=True)
    state: Mapped[HostState]
    reason: Mapped[str | None]
    empty: Mapped[bool]
    wish_at: Mapped[datetime | None]
    memory_total: Mapped[int | None]
    created_at: Mapped[datetime] = mapped_column(default=now)
    updated_at: Mapped[datetime] = mapped_column(default=now)
    reported_at: Mapped[datetime]

    def seen(self) -> Seen:
        """What it says."""
        return Seen(self.state, self.reason, self.empty, self.wish_at, self.memory_total)


class RouterReport(Base):
    """Whether a router has the routes that are wanted: `error` says why not."""

    __tablename__ = "router_reports"
    name: Mapped[str] = mapped_column(primary_key=True)
    error: Mapped[str | None]
    reported_at: Mapped[datetime]


@dataclass(frozen=True)
class Wish:
    """What is wanted of a host, and since when."""

    wanted: Wanted
    since: datetime


@dataclass(frozen=True)
class Seen:
    """What the manifold reports of a host: see HostReport."""

    state: HostState
    reason: str | None = None
    empty: bool = False
    wish_at: datetime | None = None
    memory_total: int | None = None


@dataclass
class Usage:
    """What is on a host: living dynos of formations, one-off dynos, and how many there are of each size in all."""

    dynos: int = 0
    oneoffs: int = 0
    sizes: Counter[str] = field(default_factory=Counter)


# -- what is wanted --


def wish_rows(opened: Session) -> list[HostWish]:
    """All of them."""
    return list(opened.scalars(select(HostWish)))


def wishes(opened: Session) -> dict[str, Wish]:
    """By host; those without one are wanted active."""
    return {row.name: Wish(row.wanted, row.updated_at) for row in wish_rows(opened)}


def closed(opened: Session) -> set[str]:
    """The hosts that take no dynos and no builds: those that are cordoned or drained."""
    return set(opened.scalars(select(HostWish.name).where(HostWish.wanted != Wanted.ACTIVE)))


def lock(opened: Session) -> None:
    """Nobody else changes what is wanted of hosts until this transaction ends."""
    opened.execute(select(func.pg_advisory_xact_lock(_LOCK)))


def want(opened: Session, name: str, wanted: Wanted) -> None:
    """Set what is wanted of the host."""
    row = opened.get(HostWish, name, populate_existing=True)
    if row is None:
        opened.add(HostWish(name=name, wanted=wanted))
    elif row.wanted is not wanted:
        row.wanted = wanted
    opened.flush()


def forget(opened: Session, name: str) -> bool:
    """Forget what is wanted of the host; whether there was anything."""
    return opened.execute(delete(HostWish).where(HostWish.name == name)).rowcount == 1


# -- what is seen --


def reports(opened: Session) -> dict[str, HostReport]:
    """The manifold's, by host."""
    return {row.name: row for row in opened.scalars(select(HostReport))}


def fresh(opened: Session) -> set[str]:
    """The hosts that the manifold reported of lately, by the database's clock."""
    return set(opened.scalars(select(HostReport.name).where(HostReport.reported_at > func.now() - STALE)))


def report(opened: Session, seen: Mapping[str, Seen]) -> None:
    """Write down what is seen of all hosts; what was written of others goes. For the manifold alone."""
    before = reports(opened)
    for name, each in seen.items():
        values = {
            "state": each.state, "reason": each.reason, "empty": each.empty, "wish_at": each.wish_at,
            "memory_total": each.memory_total, "reported_at": func.now(),
        }  # fmt: skip
        if name not in before or before[name].seen() != each:
            values["updated_at"] = now()
        query = insert(HostReport).values(name=name, **({"created_at": now(), "updated_at": now()} | values))
        opened.execute(query.on_conflict_do_update(index_elements=[HostReport.name], set_=values))
    opened.execute(delete(HostReport).where(HostReport.name.not_in(seen)))


def routers(opened: Session) -> dict[str, str | None]:
    """By router that the manifold reported of lately: why its routes are not what is wanted, or None."""
    query = select(RouterReport.name, RouterReport.error).where(RouterReport.reported_at > func.now() - STALE)
    return {name: error for name, error in opened.execute(query)}


def report_routers(opened: Session, errors: Mapping[str, str | None]) -> None:
    """Write down which routers have what is wanted; what was written of others goes. For the manifold alone."""
    for name, error in errors.items():
        values = {"error": error, "reported_at": func.now()}
        query = insert(RouterReport).values(name=name, **values)
        opened.execute(query.on_conflict_do_update(index_elements=[RouterReport.name], set_=values))
    opened.execute(delete(RouterReport).where(RouterReport.name.not_in(errors)))


def usage(opened: Session) -> dict[str, Usage]:
    """What is on each host. Crashed dynos are on none: they start anew, wherever that is."""
    oneoff = select(Oneoff.id).where(Oneoff.id == Dyno.id).exists()
    gone = (DynoState.STOPPED, DynoState.CRASHED)
    query = select(Dyno.host, Dyno.size, oneoff.label("oneoff"), func.count()).where(Dyno.state.not_in(gone))
    found: dict[str, Usage] = defaultdict(Usage)
    for host, size, single, count in opened.execute(query.group_by(Dyno.host, Dyno.size, "oneoff")):
        there = found[host]
        there.sizes[size] += count
        if single:
            there.oneoffs += count
        else:
            there.dynos += count
    return found
