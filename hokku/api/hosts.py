"""/hosts: the dyno hosts, and what operators want of them. Hosts are added and removed by the inventory, not here."""

from __future__ import annotations

from datetime import datetime

from fastapi import APIRouter
from pydantic import BaseModel
from sqlalchemy.orm import Session

from hokku.api import answers
from hokku.api.access import AdminViewer, Opened
from hokku.api.ranges import Ranged
from hokku.api.shape import at, named
from hokku.api.trail import leave
from hokku.errors import InvalidParams, NotFound
from hokku.settings import settings
from hokku.store import hosts
from hokku.store.engine import WANTED, notify
from hokku.store.hosts import HostReport, HostState, HostWish, Usage, Wanted

router = APIRouter(prefix="/hosts")
_SINCE = "2026-01-01T00:00:00Z"  # of a host of which nobody wrote anything yet
_NOT_SEEN = "The manifold has not reported of it lately: see whether hokku-manifold runs on a control host."
_FORGOTTEN = "It is no longer in the platform's settings."


class Change(BaseModel):
    wanted: Wanted


def addresses() -> dict[str, str]:
    """The addresses of the hosts in the platform's settings, by name."""
    return {host.name: host.address for host in settings().dyno_hosts}


def everyone(opened: Session) -> list[answers.Host]:
    """The hosts of the settings, and those of which something is still wanted that are in them no longer."""
    wishes, reports = {row.name: row for row in hosts.wish_rows(opened)}, hosts.reports(opened)
    usage, fresh, known = hosts.usage(opened), hosts.fresh(opened), addresses()
    return [
        _shape(name, known.get(name), wishes.get(name), reports.get(name), usage.get(name, Usage()), name in fresh)
        for name in [*known, *sorted(wishes.keys() - known.keys())]
    ]


def _shape(
    name: str, address: str | None, wish: HostWish | None, report: HostReport | None, there: Usage, fresh: bool
) -> answers.Host:
    state, reason = (report.state, report.reason) if report and fresh else (HostState.UNKNOWN, _NOT_SEEN)
    wanted = wish.wanted if wish else Wanted.ACTIVE
    sizes = settings().sizes
    memory = sum(
        sizes.get(size, sizes[settings().default_size]).memory * number for size, number in there.sizes.items()
    )
    empty = report is not None and report.empty and wish is not None and report.wish_at == wish.updated_at
    return {
        **named("host", name),
        "address": address or "",
        "state": state.value,
        "wanted": wanted.value,
        "dynos": there.dynos,
        "oneoffs": there.oneoffs,
        "memory_committed": memory,
        "memory_total": report.memory_total if report else None,
        "drained": wanted is Wanted.DRAINED and empty and not there.dynos + there.oneoffs,
        "reason": reason if address is not None else _FORGOTTEN,
        "created_at": _told(min, [row.created_at for row in (wish, report) if row]),
        "updated_at": _told(max, [row.updated_at for row in (wish, report) if row]),
    }


def _told(which: type[min] | type[max], moments: list[datetime]) -> str:
    return at(which(moments)) if moments else _SINCE


def _find(opened: Session, identity: str) -> answers.Host:
    for found in everyone(opened):
        if identity in (found["name"], found["id"]):
            return found
    names = ", ".join(addresses()) or "none"
    raise NotFound(f"Couldn't find that host ({identity}). The platform's hosts are: {names}.", "host")


@router.get("")
def index(viewer: AdminViewer, opened: Opened, ranged: Ranged) -> list[answers.Host]:
    """Every dyno host."""
    return ranged(everyone(opened), "name", "id")


@router.get("/{host}")
def info(host: str, viewer: AdminViewer, opened: Opened) -> answers.Host:
    """One dyno host, by name or id."""
    return _find(opened, host)


@router.patch("/{host}")
def update(host: str, change: Change, viewer: AdminViewer, opened: Opened) -> answers.Host:
    """Say what is wanted of the host: that it takes dynos, takes no new ones, or gives away what it has.

    Refused where no other host would be left that takes dynos.
    """
    hosts.lock(opened)
    found = _find(opened, host)
    name, before = found["name"], Wanted(found["wanted"])
    if name not in addresses():
        raise InvalidParams(f"Host {name} is no longer in the platform's settings: it can only be deleted here.")
    if before is change.wanted:
        return found
    if change.wanted is Wanted.DRAINED or before is Wanted.ACTIVE:
        _another(opened, name, change.wanted)
    hosts.want(opened, name, change.wanted)
    leave(opened, viewer, f"host.{change.wanted}", host=name, before=before.value)
    notify(opened, WANTED, "")
    return _find(opened, name)


def _another(opened: Session, name: str, wanted: Wanted) -> None:
    """Raises InvalidParams when no other host takes dynos."""
    others = [each for each in everyone(opened) if each["name"] != name and each["name"] in addresses()]
    usable = ("online", "unknown")  # what is not known is no reason to refuse: a drain waits where it must
    if any(each["wanted"] == "active" and each["state"] in usable for each in others):
        return
    states = ", ".join(f"{each['name']} is {each['wanted']} and {each['state']}" for each in others)
    raise InvalidParams(
        f"Host {name} cannot be {wanted}: no other host would be left that takes dynos"
        f" ({states or 'the platform has no other'}). Add one, or make one active again, first."
    )


@router.delete("/{host}")
def delete(host: str, viewer: AdminViewer, opened: Opened) -> answers.Host:
    """Forget what is wanted of a host that is no longer in the platform's settings."""
    hosts.lock(opened)
    found = _find(opened, host)
    if found["name"] in addresses():
        remedy = "Take it out of the inventory and run playbooks/site.yml first."
        raise InvalidParams(f"Host {found['name']} is in the platform's settings. {remedy}")
    hosts.forget(opened, found["name"])
    leave(opened, viewer, "host.delete", host=found["name"])
    return found
