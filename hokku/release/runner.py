"""Runs release phases: the command in a one-off dyno of the new release, at most once, its output kept and logged.

It lives in the builder's process and proves with the builder's lock that it lives: the phase of a worker that died
fails with a reason within seconds. Nothing begins a command again; `heroku releases:retry` makes a new release of it.
Only a dyno that was lost before it executed anything, with its host or with the manifold, has one other after it.
"""

from __future__ import annotations

import logging
import threading
import time
import uuid
from collections.abc import Callable

from sqlalchemy.orm import Session

from hokku.errors import HokkuError
from hokku.logplex.emit import emit
from hokku.oneoff import ask, work
from hokku.release.output import Output
from hokku.settings import settings
from hokku.steady import attempt, keep_on
from hokku.store import formations, oneoffs, phases
from hokku.store.engine import PHASE, listen, session
from hokku.store.oneoffs import Oneoff
from hokku.store.patience import away, insist
from hokku.store.phases import Phase
from hokku.store.tables import App, Release, Slug

log = logging.getLogger(__name__)

_LOOK = 2.0  # seconds between two looks at the queue without a notification
_MARGIN = 120  # seconds that the dyno may live longer than its command may take
_STOPPED = "The platform's builder was stopped in the middle of the release command"
_BROKE = "Something in the platform broke"
_RETRY = "`heroku releases:retry` runs it again"


class Runner:
    """`name` is the worker's whose lock says that this one lives."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._stopping = threading.Event()
        self._news = threading.Condition()
        self._places = threading.BoundedSemaphore(settings().release_concurrency)
        self._under_way: dict[uuid.UUID, threading.Thread] = {}  # by release
        self._lost: set[uuid.UUID] = set()

    def start(self) -> None:
        """Begin to take phases up; the lock must be held already."""
        for what, turn in (("taking release phases", self._take), ("listening for release phases", self._listen)):
            loop = (what, turn, self._stopping.is_set)
            threading.Thread(target=keep_on, args=loop, name=what, daemon=True).start()

    def stop(self, seconds: float) -> None:
        """End the phases under way; each fails with a reason. Returns once they have, or after so many seconds."""
        self._stopping.set()
        self._wake()
        deadline = time.monotonic() + seconds
        for thread in list(self._under_way.values()):
            thread.join(max(0.0, deadline - time.monotonic()))

    def bury(self, dead: Callable[[str], bool]) -> None:
        """Fail the phases of workers that are `dead`, and end what they ran."""
        with session() as opened:
            phases.drop_waiting_of_deleted_apps(opened)
            found = phases.under_way(opened)
        for phase in found:
            if phase.worker != self._name and dead(str(phase.worker)):
                log.warning("release phase of %s: its worker %s is dead", phase.release_id, phase.worker)
                self._end(phase, f"{_STOPPED}: {_RETRY}.")
        # found twice: one is claimed a moment before its thread is known
        mine = {phase.release_id: phase for phase in found if phase.worker == self._name}
        lost = {release_id: mine[release_id] for release_id in mine.keys() - self._under_way.keys()}
        for release_id in lost.keys() & self._lost:
            self._end(lost[release_id], f"{_BROKE}: {_RETRY}.")
        self._lost = set(lost)

    def _end(self, phase: Phase, error: str) -> None:
        attempt(f"release phase of {phase.release_id}", lambda: settle(phase, str(phase.worker), error))

    def _take(self) -> None:
        """Begin a phase when there is one and a place for it, or wait until there may be."""
        self._places.acquire()
        phase = None
        try:
            phase = self._claim()
        finally:
            if phase is None:
                self._places.release()
        if phase is not None:
            self._begin(phase)
            return
        with self._news:
            if not self._stopping.is_set():
                self._news.wait(_LOOK)

    def _claim(self) -> Phase | None:
        with session() as opened:
            return None if self._stopping.is_set() else phases.claim(opened, self._name, _asked)

    def _begin(self, phase: Phase) -> None:
        """Run the phase in a thread of its own; a machine that has none to give runs it here, and takes no other."""
        thread = threading.Thread(target=self._do, args=(phase,), name=f"phase-{phase.release_id}", daemon=True)
        self._under_way[phase.release_id] = thread
        try:
            thread.start()
        except RuntimeError as error:
            log.warning("release phase of %s is run without a thread: %s", phase.release_id, error)
            self._under_way[phase.release_id] = threading.current_thread()
            self._do(phase)

    def _do(self, phase: Phase) -> None:
        try:
            if not attempt(f"release phase of {phase.release_id}", lambda: self._run(phase)):
                self._end(phase, f"{_BROKE}: {_RETRY}.")
        finally:
            self._places.release()
            self._under_way.pop(phase.release_id, None)
            self._wake()

    def _run(self, phase: Phase) -> None:
        """Execute the command, keep what it says, and give the phase its verdict."""

        def append(opened: Session, text: str) -> None:
            phases.append_output(opened, phase.release_id, text)

        began, limit = time.monotonic(), settings().release_timeout
        with Output(f"release phase of {phase.release_id}", append) as output:
            ended = self._execute(phase, output, limit)
            if not ended.begun and time.monotonic() - began < limit and self._ask_again(phase):
                log.info("release phase of %s: another dyno, as the first never began: %s", phase.release_id, ended.why)
                ended = self._execute(phase, output, limit - (time.monotonic() - began))
            error = self._verdict(phase, ended, time.monotonic() - began)
        settle(phase, self._name, error)

    def _execute(self, phase: Phase, output: Output, limit: float) -> work.Ended:
        """Run the command in the dyno that was asked for; what it says goes to `output` and to the app's log."""
        with session() as opened:
            lines = _Lines(phase.app_id, opened.get_one(Oneoff, phase.oneoff_id).name)

        def wrote(data: bytes) -> None:
            output.raw(data)
            lines.add(data)

        ended = work.attend(phase.oneoff_id, wrote, timeout=limit, wanted=lambda: not self._stopping.is_set())
        lines.end()
        return ended

    def _ask_again(self, phase: Phase) -> bool:
        """Ask for another dyno, as the manifold or the host of the first was lost before it began; False: unwanted."""
        if self._stopping.is_set():
            return False
        try:
            another = insist(lambda: self._wish_again(phase))
        except HokkuError as refused:
            log.info("release phase of %s: %s", phase.release_id, refused.message)
            return False
        phase.oneoff_id = another or phase.oneoff_id
        return another is not None

    def _wish_again(self, phase: Phase) -> uuid.UUID | None:
        with session() as opened:
            first = opened.get_one(Oneoff, phase.oneoff_id)
            if first.stop_requested_at is not None:
                return None
            another = phases.ask_again(opened, phase.release_id, self._name, _asked)
            if another is not None:
                oneoffs.request_stop(opened, [first.id])
            return another

    def _verdict(self, phase: Phase, ended: work.Ended, seconds: float) -> str | None:
        """Why the phase failed, or None."""
        if ended.status == 0:
            return None
        with session() as opened:
            found = phases.of(opened, phase.release_id)
            oneoff = opened.get(Oneoff, phase.oneoff_id)
        if found is not None and found.cancelled:
            return found.cancelled
        if ended.status is not None and not (oneoff is not None and oneoff.stop_requested_at):
            return f"The release command exited with status {ended.status}."
        if self._stopping.is_set():
            return f"{_STOPPED}: {_RETRY}."
        if oneoff is not None and oneoff.stop_requested_at:
            return "The release command was stopped."
        if seconds >= settings().release_timeout:
            return f"The release command took longer than {settings().release_timeout / 60:.0f} minutes."
        return f"The release command did not run to its end: {ended.why or 'the dyno was lost'}."

    def _listen(self) -> None:
        for note in listen((PHASE,), _LOOK):
            if note is not None:
                self._wake()
            if self._stopping.is_set():
                return

    def _wake(self) -> None:
        with self._news:
            self._news.notify_all()


class _Lines:
    """What the command wrote, as lines of the app's log."""

    def __init__(self, app_id: uuid.UUID, name: str) -> None:
        self._app_id, self._name, self._left = app_id, name, b""

    def add(self, data: bytes) -> None:
        *lines, self._left = (self._left + data).split(b"\n")
        if len(self._left) > _LONGEST:
            lines, self._left = [*lines, self._left], b""
        for line in lines:
            emit(self._app_id, line.decode("utf-8", "replace").rstrip("\r"), process=self._name, source="app")

    def end(self) -> None:
        if self._left:
            self.add(b"\n")


_LONGEST = 10_000  # bytes of one line (Heroku)


def _asked(opened: Session, phase: Phase) -> uuid.UUID:
    """As `_ask`; a phase that cannot be begun, whatever the reason, is refused, because others wait behind it."""
    try:
        with opened.begin_nested():
            return _ask(opened, phase)
    except HokkuError:
        raise
    except Exception as error:
        if away(error):
            raise
        log.exception("release phase of %s cannot be begun", phase.release_id)
        raise HokkuError(f"{_BROKE}: {_RETRY}.") from None


def _ask(opened: Session, phase: Phase) -> uuid.UUID:
    """The wish for the one-off dyno of a phase."""
    release = opened.get_one(Release, phase.release_id)
    slug = opened.get_one(Slug, release.slug_id)
    formation = formations.of_app(opened, phase.app_id).get(phases.TYPE)
    asked = ask.ask(
        opened,
        opened.get_one(App, phase.app_id),
        release,
        oneoffs.Order(slug.process_types[phases.TYPE]),
        account_id=release.account_id,
        type=phases.TYPE,
        size=formation.size if formation is not None else None,
        attach=True,
        secret=False,
        time_to_live=int(settings().release_timeout) + _MARGIN,
    )
    return asked.oneoff.id


def settle(phase: Phase, worker: str, error: str | None) -> None:
    """Give the phase its verdict, and see to it that nothing of it runs on."""
    insist(lambda: _settle(phase, worker, error))


def _settle(phase: Phase, worker: str, error: str | None) -> None:
    with session() as opened:
        if phases.end(opened, phase.release_id, worker, error) and phase.oneoff_id is not None:
            oneoffs.request_stop(opened, [phase.oneoff_id])
