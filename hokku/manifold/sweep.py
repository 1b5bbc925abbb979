"""What nothing wants any more: instances without a dyno, useless templates, rows and backends whose time is over."""

from __future__ import annotations

import uuid
from collections.abc import Collection, Iterable, Mapping
from datetime import datetime, timedelta
from functools import partial

from sqlalchemy.orm import Session

from hokku.manifold import names
from hokku.manifold.hosts import Cluster, Listing
from hokku.manifold.jobs import Jobs
from hokku.settings import Settings
from hokku.store import dynos, routes, terminals
from hokku.store import oneoffs as wishes
from hokku.store.tables import Dyno, DynoState
from hokku.store.wanted import AppSpec

KEEP_ROWS = timedelta(hours=1)  # of dynos that stopped: late log lines find them, their slots are not reused
KEEP_ENDED = timedelta(days=2)  # of one-off dynos and terminals
SILENCE = timedelta(seconds=45)  # after which a server of terminals that says nothing is taken for dead


def orphans(listing: Listing, rows: Iterable[Dyno]) -> list[str]:
    """The dyno instances of a host that no living row stands for.

    `listing` must be older than `rows`: a row is written before its instance is made.
    """
    wanted = {row.instance for row in rows if row.state is not DynoState.CRASHED}
    return [each.name for each in listing.instances.values() if each.kind == "dyno" and each.name not in wanted]


def needed(apps: Iterable[AppSpec], rows: Iterable[Dyno]) -> set[uuid.UUID]:
    """The releases that run, ran last or are about to run: three of an app, and those of dynos that are still there."""
    kept = {row.release_id for row in rows}
    for app in apps:
        if app.archived_at is None:
            kept |= {release.id for release in (app.current, app.previous, app.candidate) if release is not None}
    return kept


def useless_templates(host: str, listing: Listing, kept: Collection[uuid.UUID], making: Collection[str]) -> list[str]:
    """The templates of a host that none of the releases that are `kept` needs."""
    wanted = {names.template(release_id, host) for release_id in kept} | set(making)
    return [each.name for each in listing.instances.values() if each.kind == "template" and each.name not in wanted]


def drained(cluster: Cluster, host: str, rows: Iterable[Dyno]) -> bool:
    """Whether no dyno is left on a host that is to be drained: nothing needs its templates, which hold config vars."""
    living = (row.host for row in rows if row.state is not DynoState.CRASHED)
    return host in cluster.draining() and host not in living


def _is_draining(cluster: Cluster, host: str) -> bool:
    return host in cluster.draining()


def hosts(
    cluster: Cluster, listings: Mapping[str, Listing], jobs: Jobs, apps: Collection[AppSpec], rows: Collection[Dyno]
) -> None:
    """Have the leftovers on every host deleted that answers; a host that returned is usable once it has none."""
    kept = needed(apps, rows)
    jobs.forget_all_but(kept)
    for name, listing in listings.items():
        if cluster.dead(name):
            continue
        left = orphans(listing, rows)
        for instance in left:
            jobs.delete(name, instance)
        if drained(cluster, name, rows):  # when it comes to them, the host may be active again and need them
            for instance in useless_templates(name, listing, [], jobs.making()):
                jobs.delete(name, instance, partial(_is_draining, cluster, name))
        else:
            for instance in useless_templates(name, listing, kept, jobs.making()):
                jobs.delete(name, instance)
        if not left:
            cluster.settle(name, listing)


def oneoffs(opened: Session, began: datetime, now: datetime) -> None:
    """End terminals whose server is silent, and delete what is known of those and of one-offs that ended long ago.

    `began`: since when this manifold looks. A database that was away kept every server from saying anything.
    """
    if now - began > SILENCE:
        terminals.end_silent(opened, now - SILENCE)
    terminals.forget(opened, now - KEEP_ENDED)
    wishes.forget(opened, now - KEEP_ENDED)


def rows(
    opened: Session,
    settings: Settings,
    apps: Iterable[AppSpec],
    found: Iterable[Dyno],
    unwanted_since: Mapping[uuid.UUID, datetime],
    routers_seen: datetime | None,
    now: datetime,
) -> list[uuid.UUID]:
    """Delete old rows, and free the backends of deleted apps that no router knows any more; returns those apps.

    `unwanted_since`: when an app's routes were taken out of what routers are to have.
    """
    if routers_seen is None:
        return []
    keep = max(KEEP_ROWS, timedelta(seconds=settings.slot_quarantine))
    dynos.forget(opened, min(now - keep, routers_seen))
    living = {row.app_id for row in found}
    freed = []
    for app in apps:
        since = unwanted_since.get(app.id)
        if app.archived_at is not None and app.id not in living and since is not None and since < routers_seen:
            routes.release(opened, app.id)
            freed.append(app.id)
    return freed
