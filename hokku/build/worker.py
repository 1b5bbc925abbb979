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
from types import FrameType

import psycopg
from sqlalchemy.exc import SQLAlchemyError

from hokku.build import sweep
from hokku.build.garbage import Collector
from hokku.build.job import RESTART, Job, finish
from hokku.release.runner import Runner
from hokku.settings import settings
from hokku.store import builds
from hokku.store.engine import BUILD, CANCEL, check, connect, listen, session
from hokku.store.tables import Build

log = logging.getLogger(__name__)

_LOOK = 2.0  # seconds between two looks at the queue without a notification
_CHECK = 3.0  # seconds between two looks for builds of dead workers
_STOP = 20.0  # seconds that builds get to notice that the service stops
_DEAD = "The builder was stopped in the middle of the build: push again."
_LAST_WORDS = f"\n !     {_DEAD}\n !     Push rejected, the build was broken off.\n"


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

    def run(self) -> None:
        """Work until `stopping` is set, then give back what is under way."""
        self._prove()
        threading.Thread(target=self._listen, name="listen", daemon=True).start()
        threading.Thread(target=self._guard, name="guard", daemon=True).start()
        threading.Thread(target=self._take, name="take", daemon=True).start()
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
        while not self.stopping.is_set():
            self._places.acquire()
            if self.stopping.is_set():
                return
            job = None
            try:
                job = self._claim()
            except SQLAlchemyError as error:
                log.warning("the queue cannot be read: %s", type(error).__name__)
            if job is not None:
                threading.Thread(target=self._do, args=(job,), name=f"build-{job.build_id}", daemon=True).start()
                continue
            self._places.release()
            with self._news:
                if not self.stopping.is_set():
                    self._news.wait(_LOOK)

    def _claim(self) -> Job | None:
        with session() as opened:
            build = builds.claim(opened, self.name)
            if build is None:
                return None
            job = Job(build, self.name, released=self._places.release)
        with self._lock:
            self._jobs[str(job.build_id)] = job
        return job

    def _do(self, job: Job) -> None:
        try:
            if not self.stopping.is_set():
                job.run()
        except Exception:
            log.exception("build %s broke", job.build_id)
        finally:
            job.released()
            with self._lock:
                del self._jobs[str(job.build_id)]
            self._wake()  # the app's next build may begin

    def _under_way(self) -> list[Job]:
        with self._lock:
            return list(self._jobs.values())

    def _listen(self) -> None:
        while not self.stopping.is_set():
            try:
                for note in listen((BUILD, CANCEL), _LOOK):
                    if note is None or note.channel == CANCEL:
                        self._cancel()
                    else:
                        self._wake()
            except (psycopg.Error, SQLAlchemyError) as error:
                log.warning("listening for builds: %s", type(error).__name__)
                self.stopping.wait(1)

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
        swept = 0.0
        while not self.stopping.wait(_CHECK):
            try:
                if self._alive is None or self._alive.closed:
                    self._prove()
                check(self._alive)
                found_dead = self._bury_dead()
                if found_dead or time.monotonic() - swept > sweep.EVERY or swept == 0.0:
                    sweep.sweep(self._garbage)
                    swept = time.monotonic()
            except (psycopg.Error, SQLAlchemyError, RuntimeError) as error:
                log.warning("guarding the builds: %s", type(error).__name__)
                if self._alive is not None:
                    self._alive.close()
            except Exception:
                log.exception("guarding the builds broke")

    def _bury_dead(self) -> bool:
        """Settle builds and release phases whose worker died; whether there were builds."""
        self._phases.bury(self._is_dead)
        with session() as opened:
            others = [build for build in builds.under_way(opened) if build.worker != self.name]
        found = False
        for build in others:
            dead = str(build.worker)
            if not builds.hold(self._alive, dead):
                continue
            try:
                found = True
                self._settle(build, dead)
            finally:
                builds.release_hold(self._alive, dead)
        return found

    def _is_dead(self, worker: str) -> bool:
        if not builds.hold(self._alive, worker):
            return False
        builds.release_hold(self._alive, worker)
        return True

    def _settle(self, build: Build, dead: str) -> None:
        log.warning("build %s: its worker %s is dead", build.id, dead)
        if build.release_id is None:
            with session() as opened:
                builds.append_output(opened, build.id, _LAST_WORDS)
            finish(build.id, dead, _DEAD)
            return
        with session() as opened:
            taken = builds.mine(opened, build.id, dead)
            if taken is None:
                return
            taken.worker = self.name
        job = Job(build, self.name)
        threading.Thread(target=job.resume, args=(build.release_id,), name="resume", daemon=True).start()


def main() -> None:
    """Run until SIGTERM or SIGINT."""
    worker = Worker()

    def stop(number: int, frame: FrameType | None) -> None:
        worker.stopping.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, stop)
    worker.run()
