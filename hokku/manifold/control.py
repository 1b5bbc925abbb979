"""The loop: compares wanted with found, app by app, and has the difference done. It never waits for LXD or a router."""

from __future__ import annotations

import logging
import queue
import time
import uuid
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping
from datetime import datetime

from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from hokku.manifold import drain, names, oneoffs, report, rollout, routes, sweep, template, track, warm
from hokku.manifold.act import Actor
from hokku.manifold.attend import Attendant
from hokku.manifold.health import Prober
from hokku.manifold.hosts import Cluster, Listing
from hokku.manifold.jobs import Jobs
from hokku.manifold.lxd import members
from hokku.manifold.model import WEB, DynoView, Presence
from hokku.manifold.plan import Limits, MarkUp, plan
from hokku.manifold.publisher import Publisher
from hokku.manifold.verdict import Verdicts
from hokku.manifold.watch import follow
from hokku.routing import AppRoutes, Mesh, backend_name
from hokku.settings import Settings
from hokku.steady import surviving
from hokku.store import dynos, hosts, rollouts, wanted
from hokku.store import oneoffs as wanted_oneoffs
from hokku.store import routes as backends
from hokku.store.engine import session
from hokku.store.oneoffs import OneoffSpec
from hokku.store.tables import Dyno, DynoState, Rollout, now
from hokku.store.wanted import AppSpec

log = logging.getLogger(__name__)

EVERYTHING = 2.5  # seconds between two comparisons of all apps
UNSETTLED = 0.5  # seconds between two looks at an app that waits for something
ROUNDS = 4  # times one app is planned in a pass, until nothing is left to do
IMAGES = 3600.0  # seconds between two looks at the stacks' images
SPARE = 10  # backends kept for apps that have something to serve

Rows = dict[uuid.UUID, tuple[Dyno, int]]


class Control:
    """One manifold. `run` works until the database fails it: then whoever is elected next finds everything again."""

    def __init__(self, settings: Settings, mesh: Mesh, alive: Callable[[], None]) -> None:
        self._settings = settings
        self._alive = alive
        self._queue: queue.SimpleQueue[Callable[[], None]] = queue.SimpleQueue()
        self._due: set[uuid.UUID] = set()
        self._everything_at = 0.0
        self._unsettled: set[uuid.UUID] = set()
        self._seen: dict[str, tuple[float, dict[str, str]]] = {}
        self._backends: dict[uuid.UUID, str] = {}
        self._moving: set[uuid.UUID] = set()  # dynos of draining hosts that are to be replaced now
        self._failing: set[report.Place] = set()
        self._rolling: set[uuid.UUID] = set()  # apps with a candidate
        self._reporter = report.Reporter()
        self._unwanted_since: dict[uuid.UUID, datetime] = {}
        self._limits = Limits(settings.boot_timeout, settings.stop_timeout)
        self.cluster = Cluster(members(settings), settings, self._changed)
        routers = tuple(router.name for router in settings.routers)
        self._publisher = Publisher(mesh, routers, settings.drain_timeout, self._told)
        self._jobs = Jobs(self.cluster, settings, self._queue.put)
        prober = Prober(lambda dyno_id: self._queue.put(lambda: self._reached(dyno_id)))
        self._actor = Actor(settings, self.cluster, self._jobs, self._publisher, prober, self._due.add)
        self._attendant = Attendant(self._actor, self.cluster, self._jobs, self._due.add)
        self._verdicts = Verdicts()
        self._began = now()
        self._images_at = time.monotonic() + IMAGES / 12  # not at once: the manifold has more urgent things to find

    def run(self) -> None:
        """Work; raises what the database raises."""
        with session() as opened:
            self._backends = backends.load(opened)
            self._actor.slots = dynos.slots(opened)
        self._publisher.run()
        self.cluster.watch()
        for host in self.cluster.hosts.values():
            follow(host, lambda name, seen: self._queue.put(lambda: self._happened(name, seen)))
        while True:
            due = self._await()
            self._alive()
            self._pass(due)

    # -- told by other threads --

    def wake(self, app_id: uuid.UUID | None) -> None:
        """Something that is wanted changed: of this app, or of any."""
        self._queue.put(lambda: self._wake(app_id))

    def _wake(self, app_id: uuid.UUID | None) -> None:
        if app_id is None:
            self._everything_at = 0.0
        else:
            self._due.add(app_id)

    def _changed(self) -> None:
        self._queue.put(self._look_at_listings)

    def _told(self) -> None:
        self._queue.put(lambda: self._due.update(self._unsettled))

    def _reached(self, dyno_id: uuid.UUID) -> None:
        load = self._actor.loads.get(dyno_id)
        if load is not None and dyno_id in self._actor.tracked:
            self._actor.of(dyno_id).port_open = True
            self._due.add(load.app_id)

    def _happened(self, instance: str, seen: Presence) -> None:
        """An event told what an instance is now: known before the next listing, and without it."""
        self.cluster.look_now()
        if seen is Presence.RUNNING:
            return
        for dyno_id, load in self._actor.loads.items():
            if names.dyno(dyno_id) == instance:
                known = self._actor.of(dyno_id)
                if not known.busy:
                    known.finish(seen)
                self._due.add(load.app_id)

    def _look_at_listings(self) -> None:
        """Find the apps of instances that changed since a host was looked at before."""
        for name, host in self.cluster.hosts.items():
            listing = host.listing
            if listing is None or self._seen.get(name, (0.0,))[0] == listing.asked_at:
                continue
            before = self._seen.get(name, (0.0, {}))[1]
            after = {each.name: each.status for each in listing.instances.values() if each.kind == "dyno"}
            self._seen[name] = listing.asked_at, after
            changed = {key for key in before.keys() | after.keys() if before.get(key) != after.get(key)}
            if changed:
                for dyno_id, load in self._actor.loads.items():
                    if names.dyno(dyno_id) in changed:
                        self._due.add(load.app_id)

    # -- the loop --

    def _await(self) -> set[uuid.UUID] | None:
        """The apps to look at now; None when it is time for all of them."""
        began = time.monotonic()
        while True:
            while True:
                try:
                    self._queue.get_nowait()()
                except queue.Empty:
                    break
            moment = time.monotonic()
            if moment >= self._everything_at:
                self._everything_at = moment + EVERYTHING
                self._due.clear()
                return None
            if self._unsettled and moment - began >= UNSETTLED:
                self._due |= self._unsettled
            if self._due:
                due = set(self._due)
                self._due.clear()
                return due
            wait = self._everything_at - moment
            if self._unsettled:
                wait = min(wait, UNSETTLED)
            try:
                self._queue.get(timeout=max(0.01, wait))()
            except queue.Empty:
                continue

    def _pass(self, app_ids: Collection[uuid.UUID] | None) -> None:
        listings = {name: host.listing for name, host in self.cluster.hosts.items() if host.listing is not None}
        after: list[Callable[[], None]] = []
        changes: dict[uuid.UUID, AppRoutes | None] = {}
        with session() as opened:
            rows: Rows = {row.id: (row, version) for row, version in dynos.live(opened, app_ids)}
            specs = wanted.load(opened, self._settings.apps_domain, app_ids)
            notes = rollouts.load(opened, app_ids)
            asked = wanted_oneoffs.load(opened, app_ids)
            self.cluster.wishes = hosts.wishes(opened)
            self._weigh(rows, app_ids, {wish.id for of_app in asked.values() for wish in of_app})
            self._rolling -= set(self._rolling if app_ids is None else app_ids)
            self._rolling |= {spec.id for spec in specs.values() if spec.candidate is not None}
            self._moving = self._turns()
            self._assign(opened, specs.values())
            by_app: dict[uuid.UUID, Rows] = defaultdict(dict)
            for dyno_id, (row, version) in rows.items():
                by_app[row.app_id][dyno_id] = row, version
            for app_id, spec in specs.items():  # dynos of no app are gone by the next pass
                of_app, wishes = by_app[app_id], asked.get(app_id, [])
                apart: Rows = {wish.id: of_app.pop(wish.id) for wish in wishes if wish.id in of_app}
                self._app(opened, spec, of_app, listings, notes.get(app_id), changes, after)
                self._oneoffs(opened, spec, wishes, apart, listings, after)
                of_app.update(apart)
            if app_ids is None:
                living = [row for of_app in by_app.values() for row, _ in of_app.values()]  # with those just begun
                self._sweep(opened, specs.values(), living, listings)
                self._report(opened, specs.values(), listings)
            else:
                for app_id in set(app_ids) - specs.keys():
                    changes[app_id] = None
                    self._unsettled.discard(app_id)
            self._actor.ledger.write(opened)
        for each in after:
            each()
        failed = specs.keys() - changes.keys()  # nobody knows what to change of theirs: routers keep what they have
        self._publisher.want(changes, whole=app_ids is None, keep=failed)

    def _app(
        self,
        opened: Session,
        spec: AppSpec,
        rows: Rows,
        listings: Mapping[str, Listing],
        note: Rollout | None,
        changes: dict[uuid.UUID, AppRoutes | None],
        after: list[Callable[[], None]],
    ) -> None:
        try:
            views = self._views(rows, listings)
            for _ in range(ROUNDS):
                rolling = self._verdicts.follow(opened, spec, note)
                actions = plan(spec, views, now(), self._limits, rolling=rolling, troubles=self._actor.troubles)
                for action in actions:
                    if isinstance(action, rollout.Promote | rollout.Fail | rollout.Serving):
                        spec, note = self._verdicts.write(opened, spec, action, views)
                    else:
                        self._actor.do(opened, spec, action, rows, after)
                views = self._views(rows, listings)
                if not actions:
                    break
            self._verdicts.explain(opened, spec, self._actor.troubles)
            opened.flush()
            changes[spec.id] = self._routes(spec, rows, views)
            self._note(spec, views)
        except DBAPIError:
            raise
        except Exception:
            log.exception("app %s cannot be brought further", spec.name)
            if not self._publisher.knows(spec.id):  # routers have something from the manifold before, and would lose it
                with surviving(f"finding what serves {spec.name}"):
                    changes[spec.id] = self._routes(spec, rows, self._views(rows, listings))

    def _oneoffs(
        self,
        opened: Session,
        spec: AppSpec,
        wishes: Iterable[OneoffSpec],
        rows: Rows,
        listings: Mapping[str, Listing],
        after: list[Callable[[], None]],
    ) -> None:
        """Bring the app's one-off dynos further; `rows` are theirs alone."""
        left = {wish.id: wish for wish in wishes}
        try:
            for _ in range(ROUNDS):
                views = {view.id: view for view in self._views(rows, listings)}
                paused = self._attendant.paused()
                actions = oneoffs.plan(spec, left.values(), views, now(), self._limits, paused=paused)
                for action in actions:
                    if isinstance(action, oneoffs.Begin | oneoffs.GiveUp | oneoffs.Complete):
                        self._attendant.do(opened, spec, action, rows, after)
                        if not isinstance(action, oneoffs.Begin):
                            left.pop(action.wish.id)
                    else:
                        self._actor.do(opened, spec, action, rows, after)
                        if isinstance(action, MarkUp):
                            self._attendant.up(opened, left[action.dyno.id])
                if not actions:
                    break
            opened.flush()
        except DBAPIError:
            raise
        except Exception:
            log.exception("one-off dynos of app %s cannot be brought further", spec.name)
        moving = (DynoState.STARTING, DynoState.STOPPING)
        if any(wish.id not in rows for wish in left.values()) or any(row.state in moving for row, _ in rows.values()):
            self._unsettled.add(spec.id)

    def _views(self, rows: Rows, listings: Mapping[str, Listing]) -> list[DynoView]:
        views = []
        for row, version in rows.values():
            known = self._actor.of(row.id)
            dead = self.cluster.dead(row.host) or row.host not in self.cluster.hosts
            listing, moves = listings.get(row.host), row.id in self._moving
            view = track.view(row, version, known, listing, dead, self._publisher, moves)
            if row.state is DynoState.STARTING and row.type == WEB and view.presence is Presence.RUNNING and not dead:
                self._actor.probe(row.id, row.host, row.slot)
            if view.routed and row.state is DynoState.UP and "routed" not in row.timings and known.up_since:
                row.timings = {**row.timings, "routed": round((now() - known.up_since).total_seconds(), 3)}
            views.append(view)
        return views

    def _routes(self, spec: AppSpec, rows: Rows, views: list[DynoView]) -> AppRoutes | None:
        if spec.archived_at is not None:
            self._unwanted_since.setdefault(spec.id, now())
            return None
        if spec.id not in self._backends:
            return None
        slot_of = {row.id: row.slot for row, _ in rows.values()}
        return routes.routes(spec, views, slot_of, self._backends[spec.id], self._settings)

    def _note(self, spec: AppSpec, views: Iterable[DynoView]) -> None:
        """Whether the app waits for something that no event may tell."""

        def settled(view: DynoView) -> bool:
            return view.state is DynoState.CRASHED or (view.serves and not view.moving)

        releases = {release.id for release in (spec.current, spec.candidate) if release is not None}
        waits = spec.candidate is not None or any(key[0] in releases for key in self._actor.troubles)
        soon = any(view.retry_at is not None and (view.retry_at - now()).total_seconds() < EVERYTHING for view in views)
        if waits or soon or self._verdicts.rolling(spec.id) or not all(settled(view) for view in views):
            self._unsettled.add(spec.id)
        else:
            self._unsettled.discard(spec.id)

    def _weigh(self, rows: Rows, app_ids: Collection[uuid.UUID] | None, single: Collection[uuid.UUID]) -> None:
        """Weigh the dynos; those in `single` are one-offs."""
        loads = self._actor.loads
        for dyno_id in [key for key, load in loads.items() if app_ids is None or load.app_id in app_ids]:
            del loads[dyno_id]
        loads.update({row.id: self._actor.load_of(row, row.id in single) for row, _ in rows.values()})

    def _turns(self) -> set[uuid.UUID]:
        """The dynos of draining hosts that are to be replaced now."""
        with surviving("giving dynos of draining hosts their turns"):
            able, draining, rolling = bool(self.cluster.usable()), self.cluster.draining(), self._rolling
            return drain.turns(self._actor.loads, draining, usable=able, stuck=self._failing, rolling=rolling)
        return self._moving

    def _report(self, opened: Session, specs: Collection[AppSpec], listings: Mapping[str, Listing]) -> None:
        """Find what fails on any host, and tell people what is seen of hosts and routers."""
        seen = None
        with surviving("finding what people are told of hosts"):
            apps = {spec.current.id: spec.id for spec in specs if spec.current is not None}
            troubles = self._actor.troubles.items()
            self._failing = {(apps[key[0]], *key[1:]) for key, each in troubles if each.count and key[0] in apps}
            names_of = {spec.id: spec.name for spec in specs}
            seen = report.hosts(self.cluster, listings, self._actor.loads.values(), names_of, self._failing)
        if seen is not None:  # what the database raises ends the pass
            self._reporter.tell(opened, seen, self._publisher.errors())

    def _assign(self, opened: Session, specs: Iterable[AppSpec]) -> None:
        lacking = [spec for spec in specs if spec.archived_at is None and spec.id not in self._backends]
        if not lacking:
            return
        pool = [backend_name(number) for number in range(1, self._settings.backends + 1)]
        lacking.sort(key=lambda spec: spec.current is None and spec.candidate is None)
        spare = len(pool) - len(self._backends) - SPARE
        chosen = [
            spec for place, spec in enumerate(lacking) if place < spare or spec.current is not None or spec.candidate
        ]
        given = backends.assign(opened, [spec.id for spec in chosen], pool)
        self._backends.update(given)
        for spec in chosen:
            if spec.id not in given:
                log.error("app %s is not routed: all %d backends are taken, raise hokku_backends", spec.name, len(pool))

    def _sweep(
        self, opened: Session, specs: Collection[AppSpec], living: Collection[Dyno], listings: Mapping[str, Listing]
    ) -> None:
        sweep.hosts(self.cluster, listings, self._jobs, specs, living)
        seen = self._publisher.seen()
        for app_id in sweep.rows(opened, self._settings, specs, living, self._unwanted_since, seen, now()):
            self._backends.pop(app_id, None)
            self._unwanted_since.pop(app_id, None)
        sweep.oneoffs(opened, self._began, now())
        self._sweep_images(listings)
        self._warm(specs, living, listings)
        track.forget_all_but(self._actor.tracked, {row.id for row in living})
        wanted_releases = {r.id for s in specs for r in (s.current, s.candidate) if r is not None}
        for key in [key for key in self._actor.troubles if key[0] not in wanted_releases]:
            del self._actor.troubles[key]
        self._unsettled &= {spec.id for spec in specs}

    def _sweep_images(self, listings: Mapping[str, Listing]) -> None:
        usable = [name for name in self.cluster.usable() if name in listings]
        if usable and len(listings) == len(self.cluster.hosts) and time.monotonic() >= self._images_at:
            self._images_at = time.monotonic() + IMAGES
            every = [each for listing in listings.values() for each in listing.instances.values()]
            self._jobs.sweep_images(usable[0], every)
            for name in usable:
                self._jobs.stock_up(name)

    def _warm(self, specs: Iterable[AppSpec], living: Iterable[Dyno], listings: Mapping[str, Listing]) -> None:
        """While there is nothing else to start, have one template made that may be needed."""
        if self._jobs.making() or any(row.state is DynoState.STARTING for row in living):
            return
        templates = {
            name: {each.name for each in listing.instances.values() if template.is_ready(each)}
            for name, listing in listings.items()
        }
        usable = [name for name in self.cluster.usable() if name in listings]
        if (lack := warm.lack(specs, templates, usable)) is not None:
            self._jobs.prepare(lack.host, lack.release_id, lack.app_id)
