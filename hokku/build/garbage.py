"""Gives up slugs that no release within the retention needs, and takes their content out of the store."""

from __future__ import annotations

import logging
import uuid
from datetime import datetime, timedelta
from functools import partial

from sqlalchemy.orm import Session

from hokku.release import retention
from hokku.release.retention import ReleaseFacts, SlugFacts, Verdict
from hokku.settings import settings
from hokku.steady import attempt
from hokku.store import apps, garbage, slugs
from hokku.store.engine import session
from hokku.store.tables import App, now

log = logging.getLogger(__name__)

_EVERYTHING = timedelta(hours=1)  # between two looks at all apps; those that changed are looked at each time
_DELETED_APPS = timedelta(days=30)


class Collector:
    """What one builder remembers between two collections: since when it looked at everything."""

    def __init__(self) -> None:
        self._looked: datetime | None = None
        self._everything: datetime | None = None

    def collect(self) -> None:
        """Look at the apps that changed, and once an hour at all of them and at the rows that only age makes old."""
        began = now()
        whole = self._everything is None or began - self._everything >= _EVERYTHING
        collect(None if whole else self._looked, settings().release_retention)
        if whole:
            attempt("forgetting what is old", _age)
            self._everything = began
        self._looked = began


def collect(since: datetime | None, keep: int, grace: timedelta = garbage.GRACE) -> None:
    """Settle the apps that changed since then, or all, and remove content that was given up.

    `keep`: so many releases of an app can be rolled back to. Two may do this at once. What goes wrong with one app or
    one slug keeps no other from its turn; it has its own again when everything is looked at.
    """
    with session() as opened:
        changed = garbage.changed(opened, since)
    for app_id in changed:
        attempt(f"settling app {app_id}", partial(settle, app_id, keep))
    remove(since is None, grace)


def remove(strays: bool, grace: timedelta = garbage.GRACE) -> None:
    """Remove content that was given up, and with `strays` what no slug ever named."""
    with session() as opened:
        spent = garbage.going(opened) + (garbage.strays(opened, grace) if strays else [])
    for sha256 in spent:
        attempt(f"removing slug {sha256[:12]}", partial(_remove, sha256, grace))


def _remove(sha256: str, grace: timedelta) -> None:
    with session() as opened:
        gone = garbage.let_go(opened, sha256, _unlink, grace)
    if gone:
        log.info("slug %s is removed: no release that is kept needs it", sha256[:12])


def settle(app_id: uuid.UUID, keep: int) -> None:
    """Give up what the app does not need any more."""
    with session() as opened:
        app = apps.lock(opened, app_id)
        if app is None:
            return
        verdict = judge(opened, app, keep)
        if verdict.slugs:
            log.info("app %s: %d slugs are not kept any more", app_id, len(verdict.slugs))
        garbage.give_up(opened, verdict.slugs)
        garbage.forget(opened, app_id, verdict.releases)


def judge(opened: Session, app: App, keep: int) -> Verdict:
    """What of the app may go now. It holds as long as the app is locked."""
    busy = garbage.busy(opened, app)
    releases = [ReleaseFacts(*row, busy=row[0] in busy) for row in garbage.releases(opened, app.id)]
    facts = [SlugFacts(*row) for row in garbage.kept_slugs(opened, app.id)]
    archived = app.archived_at is not None
    return retention.decide(releases, facts, retention=keep, archived=archived, moment=now())


def _unlink(sha256: str) -> None:
    slugs.path(sha256).unlink(missing_ok=True)


def _age() -> None:
    """Delete what only its age makes old."""
    with session() as opened:
        gone = garbage.purge_apps(opened, _DELETED_APPS)
        events = garbage.trim_events(opened, timedelta(seconds=settings().event_retention))
    if gone or events:
        log.info("%d apps that were deleted and %d events are forgotten", gone, events)
