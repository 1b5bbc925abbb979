"""All routers at once: each is made to hold what is wanted, and says how it went.

What a router has is remembered with its process and the revision that the last writer left in it: a call that changes
nothing costs one short talk, and a restarted or reloaded router, or one that another manifold wrote to, is read anew.
"""

from __future__ import annotations

import contextlib
import threading
import time
import uuid
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from hokku.routing.certificate_store import CertificateStore, Refused
from hokku.routing.certificates import Change, Serve, changes
from hokku.routing.diff import diff
from hokku.routing.model import AppRoutes, Report, RouterReport
from hokku.routing.runtime import Interrupted, Process, RouterError, Runtime, Session
from hokku.routing.table import MESH, DropMap, PutMap, Table
from hokku.settings import Host

REVISION, LEAVING = "revision", "leaving"  # keys of the map in which routers and manifold tell each other things
PATIENCE = 8.0  # seconds to wait for the process that follows one that is leaving
REMEMBERED = 50_000  # dynos whose place is kept for `in_flight`
AT_ONCE = 100  # certificates that one call changes on a router, so that routes never wait long

Bundles = Callable[[Collection[str]], Mapping[str, str]]


def _no_bundles(digests: Collection[str]) -> Mapping[str, str]:
    return {}


class Mesh:
    """The routers of the inventory. Safe to use from several threads; closed with `close`.

    `bundles` gives certificates by digest, PEM with chain and key; it is asked only for what a router lacks.
    """

    def __init__(
        self,
        routers: Sequence[Host],
        port: int,
        cert: Path,
        key: Path,
        ca: Path,
        backends: int,
        servers_per_backend: int,
        bundles: Bundles = _no_bundles,
    ) -> None:
        self.backends = backends
        self.servers_per_backend = servers_per_backend
        self._members = [_Member(Runtime(host, port, cert=cert, key=key, ca=ca), bundles) for host in routers]
        self._pool = ThreadPoolExecutor(max_workers=max(1, len(routers)), thread_name_prefix="router")
        self._places: dict[uuid.UUID, tuple[str, tuple[str, int]]] = {}

    def converge(self, wanted: Mapping[uuid.UUID, AppRoutes], full: bool = False) -> Report:
        """Make every router hold `wanted` and nothing else; with `full`, after asking what it has.

        Never raises for a router: the report says which could not be made right, and why. ValueError when `wanted`
        contradicts itself.
        """
        return self._converge(list(wanted.values()), whole=True, full=full)

    def converge_app(self, routes: AppRoutes) -> Report:
        """Make every router hold this app's routes, leaving the other apps as they are."""
        return self._converge([routes], whole=False, full=False)

    def in_flight(self, dyno_id: uuid.UUID) -> int:
        """Requests that routers have open to this dyno; 0 for one never published. Silent routers count as 0."""
        if (known := self._places.get(dyno_id)) is None:
            return 0
        backend, place = known
        return sum(self._pool.map(lambda member: member.in_flight(backend, place), self._members))

    def close(self) -> None:
        """Let the threads go."""
        self._pool.shutdown()

    def _converge(self, wanted: list[AppRoutes], *, whole: bool, full: bool) -> Report:
        diff(Table(), wanted, whole=False)  # contradictions are the caller's, not a router's
        for routes in wanted:
            for endpoint in routes.endpoints:
                self._places[endpoint.dyno_id] = routes.backend, endpoint.place
        while len(self._places) > REMEMBERED:
            del self._places[next(iter(self._places))]
        reports = self._pool.map(lambda member: member.converge(wanted, whole, full), self._members)
        return Report({report.router: report for report in reports})


@dataclass
class _Done:
    """What came of writing to a router once."""

    changes: int = 0
    problems: list[str] = field(default_factory=list)
    refused: dict[str, str] = field(default_factory=dict)
    pending: int = 0


class _Leaving(Exception):
    """The process that answered has said that it will not keep what is written to it."""


class _Member:
    """One router, and what is known of it."""

    def __init__(self, runtime: Runtime, bundles: Bundles) -> None:
        self._runtime = runtime
        self._bundles = bundles
        self._lock = threading.Lock()
        self._known: tuple[Process, str | None, Table] | None = None
        self._refused: dict[Change, str] = {}  # what the present process cannot use, and why
        self._refuses: Process | None = None

    def converge(self, wanted: Iterable[AppRoutes], whole: bool, full: bool) -> RouterReport:
        """Make this router right; waits for its next process when the present one is leaving."""
        name, started = self._runtime.host.name, time.monotonic()
        done, error = _Done(), None
        with self._lock:
            if full:
                self._known = None
            going = interrupted = False
            cleaning: tuple[str, ...] = ()
            while True:
                patient = time.monotonic() - started < PATIENCE
                try:
                    with self._runtime.session() as session:
                        for command in cleaning:
                            session.ask(command)
                        cleaning = ()
                        done = self._write(session, wanted, whole, stays=not patient)
                    error = "; ".join(done.problems) or None
                    break
                except Refused as refusal:  # one certificate, which is not tried again: the rest is done now
                    cleaning, self._known = refusal.cleaning, None
                    continue
                except _Leaving:
                    going, self._known = True, None
                except RouterError as problem:
                    self._known = None
                    again, interrupted = isinstance(problem, Interrupted) and not interrupted, True
                    if not again and not (going and patient):
                        error = str(problem)
                        break
                time.sleep(0.1)
        return RouterReport(name, done.changes, error, time.monotonic() - started, done.refused, done.pending)

    def in_flight(self, backend: str, place: tuple[str, int]) -> int:
        """Open requests of the slots that have this place; 0 when the router does not answer."""
        with self._lock:
            try:
                return self._in_flight(backend, place)
            except Interrupted:
                with contextlib.suppress(RouterError):
                    return self._in_flight(backend, place)
            except RouterError:
                pass
        return 0

    def _in_flight(self, backend: str, place: tuple[str, int]) -> int:
        with self._runtime.session() as session:
            slots = self._read(session)[2].slots.get(backend, {})
            names = [name for name, slot in slots.items() if slot.place == place]
            open_requests = session.in_flight(backend) if names else {}
        return sum(open_requests.get(name, 0) for name in names)

    def _read(self, session: Session) -> tuple[Process, str | None, Table]:
        """What the router has, from memory when it is the same process and nobody else wrote to it since."""
        process, revision = session.process(), session.map(MESH).get(REVISION)
        if self._known is None or self._known[:2] != (process, revision):
            self._known = process, revision, session.table()
        return self._known

    def _write(self, session: Session, wanted: Iterable[AppRoutes], whole: bool, stays: bool) -> _Done:
        """Write what differs. Raises _Leaving unless `stays`, which takes a leaving process back.

        A process that is about to go says so before it saves its routes (`router-state leave`): what is written, and
        then not followed by that word, is in what the next process starts with.
        """
        if stays:
            session.run([DropMap(MESH, LEAVING)])
        process, revision, found = self._read(session)
        plan = diff(found, wanted, whole=whole)
        done = _Done(len(plan.commands), plan.problems)
        certificates = self._within_reach(session, process, changes(found, wanted, whole=whole), done)
        open_still = revision is not None and revision.endswith(".open")  # by a talk that was broken off
        if plan.commands or certificates or open_still or (whole and revision is None):
            self._known = None
            # A router that was never told everything gets no revision: it answers unknown names with H99, not 404.
            told = whole or revision is not None
            new = uuid.uuid4().hex if told else None
            before = [PutMap(MESH, REVISION, f"{new}.open", revision is not None)] if told else []
            after = [PutMap(MESH, REVISION, f"{new}", True)] if told else []
            session.run([*before, *plan.commands])
            if certificates:
                self._certify(session, plan.table, certificates, done)
            session.run(after)
            self._known = process, new, plan.table
        if LEAVING in session.map(MESH):
            raise _Leaving
        return done

    def _within_reach(
        self, session: Session, process: Process, wanted: list[Change], done: _Done
    ) -> list[tuple[Change, str]]:
        """As many changes of certificates as one call makes, each with what is to be served.

        What this process has refused before is left out: asking again would not change its mind. So is what `bundles`
        does not give, as it is about to change, or cannot be read now.
        """
        if wanted and session.certificate_list() is None:
            done.refused = {one.hostname: "this router has no list of certificates, run the playbook" for one in wanted}
            return []
        if self._refuses != process:
            self._refuses, self._refused = process, {}
        done.refused = {one.hostname: self._refused[one] for one in wanted if one in self._refused}
        usable = [one for one in wanted if one not in self._refused]
        now, done.pending = usable[:AT_ONCE], len(usable[AT_ONCE:])
        digests = {one.digest for one in now if isinstance(one, Serve)}
        bundles = self._bundles(digests) if digests else {}
        served = [(one, bundles[one.digest]) for one in now if isinstance(one, Serve) and one.digest in bundles]
        return served + [(one, "") for one in now if not isinstance(one, Serve)]

    def _certify(self, session: Session, table: Table, certificates: list[tuple[Change, str]], done: _Done) -> None:
        """Make the changes, one after the other. Raises Refused for the first that the router cannot use."""
        store = CertificateStore(session, session.certificate_list() or "")
        for one, bundle in certificates:
            try:
                store.do(one, table, bundle)
            except Refused as refusal:
                self._refused[one] = str(refusal)
                raise
            done.changes += 1
