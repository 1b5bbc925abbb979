"""`hokku builder`: takes waiting builds, `build_concurrency` at once, and cleans up after builders that died.

The queue is the table of builds itself, woken by NOTIFY, and not a job queue beside it. A build has one state that
users see; a second one in a queue's own tables would have to agree with it after every kill. Who works is proven by an
advisory lock that PostgreSQL drops with the worker's connection, so a builder killed in the middle is noticed within
seconds, not after a lease of the longest build's length. Its build fails with a reason or, when its release is made, is
waited for by the next builder. A builder that is asked to stop gives its builds back, and they begin again elsewhere.

A build counts among the `build_concurrency` until its release is made: waiting for a release phase or for dynos takes
nothing. Release phases run in this process too (`hokku.release.runner`).
"""

from __future__ import annotations

import logging
import os
import signal
import socket
import threading
import time
import uuid
from collections.abc import Callable
from types import FrameType

import psycopg

from hokku.build import sweep
from hokku.build.garbage import Collector
from hokku.build.job import RESTART, Job, finish
from hokku.release.runner import Runner
from hokku.settings import settings
from hokku.steady import attempt, keep_on
from hokku.store import builds
from hokku.store.engine import BUILD, CANCEL, check, connect, listen, session
from hokku.store.tables import Build

log = logging.getLogger(__name__)

_LOOK = 2.0  # seconds between two looks at the queue without a notification
_CHECK = 3.0  # seconds between two looks for builds of dead workers
_STOP = 20.0  # seconds that builds get to notice that the service stops
_DEAD = "The builder was stopped in the middle of the build: push again."
_BROKE = "Something in the platform broke in the middle of the build: push again."
_LAST_WORDS = "\n !     {why}\n !     Push rejected, the build was broken off.\n"


class Worker:
    """One builder process. `name` is in the builds it has: host, pid, and when it began."""

    def __init__(self) -> None:
        self.name = f"{socket.gethostname()}:{os.getpid()}:{time.time():.0f}"
        self.stopping = threading.Event()
        self._news = threading.Condition()
        self._jobs: dict[str, Job] = {}
        self._lock = threading.Lock()
        self._places = threading.BoundedSemaphore(settings().build_concurrency)
        self._phases = Runner(self.name)
        self._garbage = Collector()
        self._alive: psycopg.Connection | None = None
        self._swept: float | None = None
        self._lost: set[uuid.UUID] = set()

    def run(self) -> None:
        """Work until `stopping` is set, then give back what is under way."""
        self._prove()
        for what, turn in (
            ("listening for builds", self._listen), ("guarding the builds", self._guard), ("taking builds", self._take),
        ):  # fmt: skip
            loop = (what, turn, self.stopping.is_set)
            threading.Thread(target=keep_on, args=loop, name=what, daemon=True).start()
        self._phases.start()
        log.info("builder %s takes %d builds at once", self.name, settings().build_concurrency)
        self.stopping.wait()
        self._wake()
        deadline = time.monotonic() + _STOP
        for job in self._under_way():
            job.stop(RESTART)
        self._phases.stop(_STOP)
        while self._under_way() and time.monotonic() < deadline:
            time.sleep(0.1)
        with session() as opened:
            builds.give_back(opened, self.name)

    # -- taking builds --

    def _take(self) -> None:
        """Begin a build when there is one and a place for it, or wait until there may be."""
        self._places.acquire()
        job = None
        try:
            job = None if self.stopping.is_set() else self._claim()
        finally:
            if job is None:
                self._places.release()
        if job is not None:
            self._begin(job, job.run)
            return
        with self._news:
            if not self.stopping.is_set():
                self._news.wait(_LOOK)

    def _claim(self) -> Job | None:
        with session() as opened:
            build = builds.claim(opened, self.name)
            return Job(build, self.name, released=self._places.release) if build is not None else None

    def _begin(self, job: Job, work: Callable[[], None]) -> None:
        """Do `work` in a thread of its own; a machine that has none to give does it here, and takes nothing else."""
        with self._lock:
            self._jobs[str(job.build_id)] = job
        thread = threading.Thread(target=self._do, args=(job, work), name=f"build-{job.build_id}", daemon=True)
        try:
            thread.start()
        except RuntimeError as error:
            log.warning("build %s is done without a thread: %s", job.build_id, error)
            self._do(job, work)

    def _do(self, job: Job, work: Callable[[], None]) -> None:
        try:
            if not self.stopping.is_set():
                attempt(f"build {job.build_id}", work)
        finally:
            job.released()
            with self._lock:
                del self._jobs[str(job.build_id)]
            self._wake()  # the app's next build may begin

    def _under_way(self) -> list[Job]:
        with self._lock:
            return list(self._jobs.values())

    def _listen(self) -> None:
        for note in listen((BUILD, CANCEL), _LOOK):
            if self.stopping.is_set():
                return
            if note is None or note.channel == CANCEL:
                self._cancel()
            else:
                self._wake()

    def _cancel(self) -> None:
        """End those of this worker's builds that somebody wants to end."""
        jobs = {job.build_id: job for job in self._under_way()}
        if not jobs:
            return
        with session() as opened:
            unwanted = builds.cancelled(opened, self.name)
        for build_id, sentence in unwanted.items():
            if build_id in jobs:
                threading.Thread(target=jobs[build_id].cancel, args=(sentence,), name="cancel", daemon=True).start()

    def _wake(self) -> None:
        with self._news:
            self._news.notify_all()

    # -- living and dead --

    def _prove(self) -> None:
        """Hold the lock that says this worker lives, on a connection that stays open."""
        connection = connect()
        deadline = time.monotonic() + 30
        while not builds.hold(connection, self.name):
            if time.monotonic() > deadline:
                raise RuntimeError(f"another process holds the lock of {self.name}")
            time.sleep(0.2)
        self._alive = connection

    def _guard(self) -> None:
        if self.stopping.wait(_CHECK):
            return
        try:
            if self._alive is None or self._alive.closed:
                self._prove()
            check(self._alive)
        except psycopg.Error:
            if self._alive is not None:
                self._alive.close()
            raise
        attempt("burying builds", self._bury_dead)
        if self._swept is None or time.monotonic() - self._swept > sweep.EVERY:
            self._swept = time.monotonic()
            sweep.sweep(self._garbage)

    def _bury_dead(self) -> bool:
        """Settle builds and release phases whose worker died; whether there were builds."""
        attempt("burying release phases", lambda: self._phases.bury(self._is_dead))
        with session() as opened:
            found = builds.under_way(opened)
        buried = [self._bury(build) for build in found if build.worker != self.name]
        self._find_lost([build for build in found if build.worker == self.name])
        if any(buried):
            self._swept = None  # their containers go now
        return any(buried)

    def _bury(self, build: Build) -> bool:
        """Settle the build if its worker is dead; whether it is."""
        dead = str(build.worker)
        if not builds.hold(self._alive, dead):
            return False
        try:
            attempt(f"settling build {build.id}", lambda: self._settle(build, dead, _DEAD))
        finally:
            builds.release_hold(self._alive, dead)
        return True

    def _find_lost(self, mine: list[Build]) -> None:
        """Settle builds of this worker that it does not do: the database was away too long when they ended.

        One is found twice before that, because it is claimed a moment before it is among the jobs.
        """
        doing = {job.build_id for job in self._under_way()}
        lost = {build.id: build for build in mine if build.id not in doing}
        for build_id in lost.keys() & self._lost:
            build = lost[build_id]
            attempt(f"settling build {build_id}", lambda build=build: self._settle(build, self.name, _BROKE))
        self._lost = set(lost)

    def _is_dead(self, worker: str) -> bool:
        if not builds.hold(self._alive, worker):
            return False
        builds.release_hold(self._alive, worker)
        return True

    def _settle(self, build: Build, worker: str, why: str) -> None:
        log.warning("build %s is not done any more by its worker %s", build.id, worker)
        if build.release_id is None and build.slug_id is not None:  # all that was wanted of it is made
            finish(build.id, worker, None)
            return
        if build.release_id is None:
            with session() as opened:
                builds.append_output(opened, build.id, _LAST_WORDS.format(why=why))
            finish(build.id, worker, why)
            return
        with session() as opened:
            taken = builds.mine(opened, build.id, worker)
            if taken is None:
                return
            taken.worker = self.name
        job = Job(build, self.name)
        self._begin(job, lambda: job.resume(build.release_id))


def main() -> None:
    """Run until SIGTERM or SIGINT."""
    worker = Worker()

    def stop(number: int, frame: FrameType | None) -> None:
        worker.stopping.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, stop)
    worker.run()
