"""Keeps the routers at what is wanted of them, and knows what they were told: one thread writes, one watches drains."""

from __future__ import annotations

import logging
import threading
import time
import uuid
from collections.abc import Callable, Collection, Mapping
from datetime import datetime

from hokku.routing.mesh import Mesh
from hokku.routing.model import AppRoutes, Report
from hokku.steady import keep_on
from hokku.store.tables import now

log = logging.getLogger(__name__)

EVERY = 2.0  # seconds between two comparisons of everything
EXCUSED = 5.0  # seconds of silence after which a router is no longer waited for
FEW = 4  # apps that are told one by one; more are one comparison of everything
LOOK = 0.1  # seconds between two looks at a draining dyno


class Publisher:
    """`changed()` is called, from another thread, when routers were told something or a dyno is drained."""

    def __init__(self, mesh: Mesh, routers: tuple[str, ...], drain_timeout: float, changed: Callable[[], None]) -> None:
        self._mesh = mesh
        self._drain_timeout = drain_timeout
        self._changed = changed
        self._lock = threading.Lock()
        self._dirty = threading.Event()
        self._wanted: dict[uuid.UUID, AppRoutes] | None = None
        self._confirmed: dict[uuid.UUID, AppRoutes] = {}
        self._maybe: dict[uuid.UUID, set[uuid.UUID]] = {}  # dynos some router may send requests to, by app
        self._complete = False  # whether routers were told everything since this process began
        self._seen: dict[str, datetime | None] = dict.fromkeys(routers)
        self._silent: dict[str, float] = {}
        self._errors: dict[str, str | None] = dict.fromkeys(routers, "it was told nothing yet")
        self._refused: set[tuple[str, str, str]] = set()  # router, host name and reason: told in the log already
        self._pending = False  # whether certificates are left to the next comparison of everything
        self._draining: dict[uuid.UUID, float] = {}
        self._drained: set[uuid.UUID] = set()
        self._ended = False
        self._published_at = 0.0  # monotonic: everything
        self._threads = [
            threading.Thread(target=keep_on, args=(what, turn, lambda: self._ended), name=name, daemon=True)
            for name, what, turn in (
                ("publish", "publishing routes", self._publish),
                ("drain", "watching drains", self._watch_drains),
            )
        ]

    def run(self) -> None:
        """Begin, in threads."""
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """End the threads; routers keep what they were told."""
        self._ended = True
        self._dirty.set()
        for thread in self._threads:
            thread.join()

    # -- asked and told by the control loop --

    def want(
        self, changes: Mapping[uuid.UUID, AppRoutes | None], whole: bool, keep: Collection[uuid.UUID] = ()
    ) -> None:
        """Set what is wanted of these apps (None: no routes), or with `whole` of all but those to `keep` as is."""
        with self._lock:
            if whole:
                kept = {app_id: routes for app_id, routes in (self._wanted or {}).items() if app_id in keep}
                self._wanted = kept | {app_id: routes for app_id, routes in changes.items() if routes is not None}
            elif self._wanted is not None:
                for app_id, routes in changes.items():
                    if routes is None:
                        self._wanted.pop(app_id, None)
                    else:
                        self._wanted[app_id] = routes
            if self._wanted is not None and self._wanted != self._confirmed:
                self._dirty.set()

    def knows(self, app_id: uuid.UUID) -> bool:
        """Whether it was told since it began what is wanted of the app."""
        with self._lock:
            return self._wanted is not None and app_id in self._wanted

    def routed(self, app_id: uuid.UUID, dyno_id: uuid.UUID) -> bool:
        """Whether every router that answers sends requests to the dyno."""
        routes = self._confirmed.get(app_id)
        return routes is not None and dyno_id in _open(routes)

    def unrouted(self, app_id: uuid.UUID, dyno_id: uuid.UUID) -> bool:
        """Whether no router that answers sends new requests to it."""
        return self._complete and dyno_id not in self._maybe.get(app_id, ())

    def drained(self, dyno_id: uuid.UUID) -> bool:
        """Whether nothing is in flight to the dyno, or the drain window is over; asking begins the watch."""
        with self._lock:
            if dyno_id not in self._drained:
                self._draining.setdefault(dyno_id, time.monotonic())
            return dyno_id in self._drained

    def forget(self, dyno_id: uuid.UUID) -> None:
        """The dyno is no more."""
        with self._lock:
            self._draining.pop(dyno_id, None)
            self._drained.discard(dyno_id)

    def seen(self) -> datetime | None:
        """Every router is right since then, whatever it had before; None when that is not known of one."""
        return min((at for at in self._seen.values() if at), default=now()) if all(self._seen.values()) else None

    def errors(self) -> dict[str, str | None]:
        """By router: why it does not have what is wanted, by what it answered last, or None."""
        with self._lock:
            return dict(self._errors)

    # -- threads --

    def _publish(self) -> None:
        self._dirty.wait(max(0.0, self._published_at + EVERY - time.monotonic()))
        self._dirty.clear()
        with self._lock:
            wanted = None if self._wanted is None else dict(self._wanted)
        if wanted is None:
            time.sleep(0.1)
            return
        changed = [routes for app_id, routes in wanted.items() if self._confirmed.get(app_id) != routes]
        gone = self._confirmed.keys() - wanted.keys()
        due = time.monotonic() - self._published_at >= EVERY or self._pending
        whole = due or bool(gone) or len(changed) > FEW or not self._complete
        try:
            done = self._tell(wanted, changed, whole)
        except ValueError as error:
            log.error("routes contradict each other: %s", error)
            done = False
        if whole:
            self._published_at = time.monotonic()
        if not done:
            time.sleep(0.2)
        if self._pending or not done:
            self._dirty.set()
        if changed or gone:
            self._changed()

    def _tell(self, wanted: dict[uuid.UUID, AppRoutes], changed: list[AppRoutes], whole: bool) -> bool:
        """Tell the routers; whether every one that is not excused has it."""
        for routes in changed:
            self._maybe.setdefault(routes.app_id, set()).update(_open(routes))
        at = now()
        if whole:
            report = self._mesh.converge(wanted)
            self._pending = report.pending > 0
            if not self._settled(report):
                return False
            for name, each in report.routers.items():
                if each.ok:
                    self._seen[name] = at
            self._confirmed = wanted
            self._maybe = {app_id: _open(routes) for app_id, routes in wanted.items()}
            self._complete = True
            return True
        done = True
        for routes in changed:
            report = self._mesh.converge_app(routes)
            self._pending = self._pending or report.pending > 0
            if self._settled(report):
                self._confirmed = {**self._confirmed, routes.app_id: routes}
                self._maybe[routes.app_id] = _open(routes)
            else:
                done = False
        return done

    def _settled(self, report: Report) -> bool:
        moment, waited = time.monotonic(), False
        with self._lock:
            self._errors |= {name: each.error for name, each in report.routers.items()}
        for name, each in report.routers.items():
            for refused in {(name, hostname, reason) for hostname, reason in each.refused.items()} - self._refused:
                log.warning("router %s cannot serve the certificate of %s: %s", *refused)
                self._refused.add(refused)
            if each.ok:
                if self._silent.pop(name, None) is not None:
                    log.info("router %s is right again", name)
                continue
            if name not in self._silent:
                log.warning("router %s cannot be made right: %s", name, each.error)
            since = self._silent.setdefault(name, moment)
            waited = waited or moment - since < EXCUSED
        return not waited and (not report.routers or any(each.ok for each in report.routers.values()))

    def _watch_drains(self) -> None:
        time.sleep(LOOK)
        with self._lock:
            waiting = dict(self._draining)
        for dyno_id, since in waiting.items():
            late = time.monotonic() - since >= self._drain_timeout
            if late or self._mesh.in_flight(dyno_id) == 0:
                with self._lock:
                    self._draining.pop(dyno_id, None)
                    self._drained.add(dyno_id)
                self._changed()


def _open(routes: AppRoutes) -> set[uuid.UUID]:
    return {endpoint.dyno_id for endpoint in routes.endpoints if not endpoint.draining}
