"""One-off dynos: whatever dies in whatever order, a wish is begun at most once and comes to an end."""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from hokku.manifold.model import DynoView, Ended, Presence
from hokku.manifold.oneoffs import PATIENCE, R13, Begin, Complete, GiveUp, plan
from hokku.manifold.plan import R12, Bury, Kill, Limits, MarkUp, Retire, Terminate
from hokku.store.oneoffs import Attachment, OneoffSpec
from hokku.store.tables import DynoState
from hokku.store.wanted import AppSpec

APP, RELEASE = uuid.UUID(int=1), uuid.UUID(int=2)
START = datetime(2030, 1, 1, tzinfo=UTC)
SECOND = timedelta(seconds=1)
LIVING = AppSpec(APP, "app")


def wish(attached: bool = False, live: float = 3600.0) -> OneoffSpec:
    attachment = Attachment(START + timedelta(seconds=60)) if attached else None
    return OneoffSpec(
        uuid.UUID(int=9), APP, RELEASE, 3, uuid.UUID(int=5), "run", 4321, "basic", START,
        START + timedelta(seconds=live), attachment=attachment,
    )  # fmt: skip


@dataclass
class World:
    """One wish, and a container that does what it is told one step later."""

    wish: OneoffSpec
    app: AppSpec = LIVING
    now: datetime = START
    dyno: DynoView | None = None
    host: bool = True
    begun: int = 0
    end: GiveUp | Complete | None = None
    deaf: bool = False
    seen: list[str] = field(default_factory=list)

    def step(self, seconds: float = 1.0) -> None:
        self.now += timedelta(seconds=seconds)
        if self.end is not None:
            return
        dynos = {self.dyno.id: self.dyno} if self.dyno else {}
        paused = () if self.host else (self.wish.id,)
        for action in plan(self.app, [self.wish], dynos, self.now, Limits(), paused=paused):
            self.seen.append(type(action).__name__)
            self._do(action)

    def _do(self, action: object) -> None:
        match action:
            case Begin(wished):
                assert not wished.claimed
                self.begun += 1
                self.wish = replace(self.wish, claimed=True)
                self.dyno = DynoView(
                    wished.id, APP, RELEASE, 3, "run", 4321, "basic", DynoState.STARTING, "h", self.now,
                    presence=Presence.RUNNING, running_since=self.now,
                )  # fmt: skip
            case MarkUp():
                self.set(state=DynoState.UP, up_since=self.now)
            case Retire():
                self.set(state=DynoState.STOPPING)
            case Terminate():
                self.set(terminated_at=self.now, presence=Presence.RUNNING if self.deaf else Presence.STOPPED)
            case Kill(_, error):
                self.set(doom=error, presence=Presence.STOPPED)
            case Bury():
                self.set(presence=Presence.GONE, ended=Ended(None))
            case GiveUp() | Complete():
                self.end = action

    def set(self, **changes: object) -> None:
        assert self.dyno is not None
        self.dyno = replace(self.dyno, **changes)

    def attachment(self, **changes: object) -> None:
        assert self.wish.attachment is not None
        self.wish = replace(self.wish, attachment=replace(self.wish.attachment, **changes))

    def run(self, steps: int) -> None:
        for _ in range(steps):
            self.step()


def test_a_detached_one_ends_with_its_process() -> None:
    found = World(wish())
    found.run(3)
    assert found.dyno is not None
    assert found.dyno.state is DynoState.UP
    found.set(presence=Presence.GONE, ended=Ended(3))
    found.step()
    assert isinstance(found.end, Complete)
    assert (found.end.status, found.begun) == (3, 1)


def test_an_attached_one_ends_with_its_command_and_its_status() -> None:
    found = World(wish(attached=True))
    found.step()
    found.attachment(connected=True)
    found.run(200)
    assert found.end is None
    found.attachment(ended=True, status=7)
    found.run(2)
    assert isinstance(found.end, Complete)
    assert found.end.status == 7
    assert "Terminate" not in found.seen


def test_one_that_nobody_comes_for_ends_with_r13() -> None:
    found = World(wish(attached=True))
    found.run(59)
    assert found.end is None
    found.run(4)
    assert isinstance(found.end, Complete)
    assert found.end.reason == R13


def test_one_that_no_host_can_take_is_given_up() -> None:
    found = World(wish(), host=False)
    found.run(int(PATIENCE) - 1)
    assert found.end is None
    found.run(2)
    assert isinstance(found.end, GiveUp)
    assert "no dyno host" in found.end.reason


def test_a_stop_a_time_to_live_and_the_apps_end_terminate_it() -> None:
    for change, why in (("stop", "on request"), ("live", "time to live"), ("app", "deleted")):
        found = World(wish(live=30 if change == "live" else 3600))
        found.run(3)
        if change == "stop":
            found.wish = replace(found.wish, stop_requested=True)
        elif change == "app":
            found.app = replace(found.app, archived_at=found.now)
        else:
            found.run(26)
        assert found.dyno is not None
        (action,) = plan(found.app, [found.wish], {found.dyno.id: found.dyno}, found.now + SECOND, Limits())
        assert isinstance(action, Retire)
        assert why in action.reason
        found.run(5)
        assert isinstance(found.end, Complete)
        assert found.end.status == 143


def test_one_that_does_not_mind_sigterm_is_killed() -> None:
    found = World(wish(), deaf=True)
    found.run(3)
    found.wish = replace(found.wish, stop_requested=True)
    found.run(31)
    assert found.end is None
    found.run(4)
    assert isinstance(found.end, Complete)
    assert (found.end.status, found.end.reason) == (137, R12.format(30))


def test_a_wish_that_is_stopped_before_it_is_begun_is_never_begun() -> None:
    found = World(replace(wish(), stop_requested=True))
    found.run(3)
    assert isinstance(found.end, GiveUp)
    assert found.begun == 0


def test_a_deleted_app_begins_nothing() -> None:
    found = World(wish(), app=AppSpec(APP, "app", archived_at=START))
    found.run(2)
    assert found.begun == 0
    assert isinstance(found.end, GiveUp)


ACCIDENTS = (
    "the container is gone", "the container stopped", "its host is lost", "its host hangs", "the manifold is killed",
    "a stop is asked for", "the row is lost", "a client comes", "the command ends", "it could not be made", "nothing",
)  # fmt: skip


@settings(max_examples=300, deadline=None)
@given(st.booleans(), st.lists(st.tuples(st.sampled_from(ACCIDENTS), st.integers(0, 40)), max_size=12))
def test_whatever_happens_it_is_begun_at_most_once_and_ends(attached: bool, story: list[tuple[str, int]]) -> None:
    found = World(wish(attached, live=600))
    for accident, steps in story:
        happen(found, accident)
        found.run(steps)
    if found.dyno is not None and found.dyno.presence is Presence.UNKNOWN:
        found.set(presence=Presence.RUNNING)  # the host answers again
    found.run(700)
    assert found.begun <= 1
    assert found.end is not None, found.seen


def happen(found: World, accident: str) -> None:
    if accident == "the manifold is killed" and found.dyno is not None:  # all that it remembered is lost
        ended = found.dyno.ended if found.dyno.presence is not Presence.GONE else None
        found.set(ended=ended, running_since=None, terminated_at=None, doom=None)
    elif accident == "a stop is asked for":
        found.wish = replace(found.wish, stop_requested=True)
    elif accident == "a client comes" and found.wish.attachment is not None:
        found.attachment(connected=found.now < found.wish.attachment.connect_by)
    elif accident == "the command ends" and found.wish.attachment is not None and found.wish.attachment.connected:
        found.attachment(ended=True, status=0)
    elif found.dyno is None or found.dyno.ended is not None:
        return
    elif accident == "the container is gone":
        found.set(presence=Presence.GONE)
    elif accident == "the container stopped":
        found.set(presence=Presence.STOPPED)
    elif accident == "its host is lost":
        found.set(lost=True)
    elif accident == "its host hangs":
        found.set(presence=Presence.UNKNOWN)
    elif accident == "the row is lost":
        found.dyno = None
    elif accident == "it could not be made":
        found.set(presence=Presence.GONE, ended=Ended(None, "could not be started: no space"))


def test_one_that_runs_although_it_was_killed_is_killed_again() -> None:
    found = World(wish(attached=True))
    found.run(5)
    found.set(doom=R13, presence=Presence.RUNNING)  # a listing that is newer than the kill says so
    found.run(70)
    assert "Kill" in found.seen
    assert isinstance(found.end, Complete)
