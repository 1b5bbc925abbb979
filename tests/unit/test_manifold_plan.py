"""The plan, played against a small world in which anything may happen between two looks."""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from hokku.manifold import rollout
from hokku.manifold.model import DynoView, Ended, Presence
from hokku.manifold.plan import Bury, Crash, Forget, Kill, Limits, MarkUp, Retire, Start, Terminate, plan
from hokku.manifold.rollout import Fail, Promote, Serving
from hokku.store.tables import DynoState
from hokku.store.wanted import AppSpec, ReleaseSpec, TypeSpec

APP = uuid.UUID(int=1)
START = datetime(2030, 1, 1, tzinfo=UTC)


def release(version: int, *types: str) -> ReleaseSpec:
    commands = {kind: f"run {kind}" for kind in types or ("web", "worker")}
    return ReleaseSpec(uuid.UUID(int=1000 + version), version, uuid.UUID(int=500), "0" * 64, "debian-12", commands)


@dataclass
class World:
    """Containers and routers that do what they are told, one step later."""

    app: AppSpec
    now: datetime = START
    dynos: dict[uuid.UUID, DynoView] = field(default_factory=dict)
    rolling: uuid.UUID | None = None
    failed: list[uuid.UUID] = field(default_factory=list)
    served: list[int] = field(default_factory=list)
    boots: bool = True
    made: int = 0

    def step(self, seconds: float = 1.0) -> list:
        self.now += timedelta(seconds=seconds)
        if self.app.candidate is not None:
            self.rolling = self.app.candidate.id
        actions = plan(self.app, list(self.dynos.values()), self.now, Limits(), rolling=self.rolling)
        for action in actions:
            self._do(action)
        self._route()
        return actions

    def _do(self, action: object) -> None:
        match action:
            case Start(spec, kind, number, size, _, crashes):
                self.made += 1
                made = DynoView(
                    uuid.UUID(int=self.made), APP, spec.id, spec.version, kind, number, size, DynoState.STARTING,
                    "h", self.now, crashes=crashes, presence=Presence.RUNNING, running_since=self.now,
                    port_open=self.boots,
                )  # fmt: skip
                self.dynos[made.id] = made
            case MarkUp(dyno):
                self._set(dyno, state=DynoState.UP, up_since=self.now)
            case Retire(dyno, _):
                self._set(dyno, state=DynoState.STOPPING)
            case Terminate(dyno):
                self._set(dyno, terminated_at=self.now, presence=Presence.STOPPED)
            case Kill(dyno, error):
                self._set(dyno, doom=error, presence=Presence.STOPPED)
            case Bury(dyno):
                self._set(dyno, presence=Presence.GONE, ended=Ended(1))
            case Crash(dyno, reason, crashes, retry_at):
                self._set(dyno, state=DynoState.CRASHED, crashes=crashes, retry_at=retry_at, doom=reason)
            case Forget(dyno, _):
                self.dynos.pop(dyno.id)
            case Promote(spec, _):
                self.app = replace(self.app, current=spec, candidate=None)
            case Fail(release_id, _):
                self.failed.append(release_id)
                self.rolling = None
                self.app = replace(self.app, candidate=None)
            case Serving(spec):
                self.served.append(spec.version)
                self.rolling = None

    def _set(self, dyno: DynoView, **changes: object) -> None:
        self.dynos[dyno.id] = replace(self.dynos[dyno.id], **changes)

    def _route(self) -> None:
        public = {dyno.id for dyno in rollout.publishable(self.app, list(self.dynos.values()))}
        for dyno in list(self.dynos.values()):
            into = dyno.id in public
            self._set(dyno, routed=into, unrouted=not into, drained=not into)

    def routed(self) -> list[DynoView]:
        return [dyno for dyno in self.dynos.values() if dyno.routed]

    def settle(self, steps: int = 40) -> None:
        for _ in range(steps):
            self.step()

    def end(self, dyno: DynoView) -> None:
        self._set(dyno, presence=Presence.STOPPED)


def world(web: int = 1, worker: int = 0, *, current: int | None = None, candidate: int | None = 3) -> World:
    formation = {"web": TypeSpec(web, "basic"), "worker": TypeSpec(worker, "basic")}
    return World(
        AppSpec(
            APP, "app", formation=formation,
            current=release(current) if current else None, candidate=release(candidate) if candidate else None,
        )
    )  # fmt: skip


def names(found: World) -> list[str]:
    return sorted(dyno.name for dyno in found.dynos.values())


def test_a_first_release_serves() -> None:
    found = world(web=2, worker=1)
    found.settle()
    assert names(found) == ["web.1", "web.2", "worker.1"]
    assert all(dyno.serves for dyno in found.dynos.values())
    assert found.served == [3]


def test_an_old_release_serves_until_all_of_the_new_one_is_up() -> None:
    found = world(web=2, current=3, candidate=None)
    found.settle()
    found.app = replace(found.app, candidate=release(4))
    for _ in range(20):
        found.step()
        versions = {dyno.version for dyno in found.routed()}
        assert len([dyno for dyno in found.routed() if dyno.version == min(versions)]) == 2
    assert {dyno.version for dyno in found.dynos.values()} == {4}
    assert found.served == [4]


def test_a_release_is_current_only_when_no_other_answers_any_more() -> None:
    found = world(web=2, current=3, candidate=None)
    found.settle()
    found.app = replace(found.app, candidate=release(4))
    while found.app.current != release(4):
        before = {dyno.version for dyno in found.routed()}
        promoted = [action for action in found.step() if isinstance(action, Promote)]
        assert not promoted or before == {4}
        assert found.routed()


def test_an_old_release_answers_again_when_the_new_one_dies_before_it_is_current() -> None:
    found = world(web=1, current=3, candidate=None)
    found.settle()
    found.app = replace(found.app, candidate=release(4))
    while {dyno.version for dyno in found.routed()} != {4}:
        found.step()
    assert found.app.candidate == release(4)
    found.end(found.routed()[0])
    found.settle(3)
    assert found.failed == [release(4).id]
    assert [dyno.version for dyno in found.routed()] == [3]


def test_a_release_that_does_not_bind_its_port_fails_and_leaves_the_old_one_alone() -> None:
    found = world(web=1, current=3, candidate=None)
    found.settle()
    before = set(found.dynos)
    found.boots = False
    found.app = replace(found.app, candidate=release(4))
    found.settle(80)
    assert found.failed == [release(4).id]
    assert set(found.dynos) == before


def test_a_first_release_that_crashes_stays_and_is_tried_again_later_and_later() -> None:
    found = world(web=1)
    found.boots = False
    found.settle(300)
    assert found.app.current == release(3)
    (dyno,) = found.dynos.values()
    assert dyno.crashes > 1 or dyno.state is DynoState.CRASHED
    assert found.made < 6
    found.boots = True
    found.settle(1500)
    assert [dyno.state for dyno in found.dynos.values()] == [DynoState.UP]


def test_a_restart_replaces_each_dyno_after_its_successor_serves() -> None:
    found = world(web=2, worker=1, current=3, candidate=None)
    found.settle()
    before = set(found.dynos)
    formation = {kind: replace(spec, restarted_at=found.now) for kind, spec in found.app.formation.items()}
    found.app = replace(found.app, formation=formation)
    for _ in range(20):
        found.step()
        assert {dyno.number for dyno in found.routed()} == {1, 2}
    assert not before & set(found.dynos)
    assert names(found) == ["web.1", "web.2", "worker.1"]


def test_scaling_down_takes_the_highest_numbers_out_of_the_routers_first() -> None:
    found = world(web=3, current=3, candidate=None)
    found.settle()
    found.app = replace(found.app, formation={"web": TypeSpec(1, "basic")})
    actions = found.step()
    assert sorted(action.dyno.name for action in actions if isinstance(action, Retire)) == ["web.2", "web.3"]
    assert not [action for action in actions if isinstance(action, Terminate | Kill)]
    found.settle()
    assert names(found) == ["web.1"]


def test_a_lost_host_costs_only_its_own_dynos() -> None:
    found = world(web=2, current=3, candidate=None)
    found.settle()
    victim, other = found.dynos.values()
    found._set(victim, lost=True)
    found.step()
    assert victim.id not in found.dynos
    assert other.id in found.dynos
    found.settle()
    assert names(found) == ["web.1", "web.2"]


def test_a_host_that_does_not_answer_is_left_alone() -> None:
    found = world(web=2, current=3, candidate=None)
    found.settle()
    for dyno in list(found.dynos.values()):
        found._set(dyno, presence=Presence.UNKNOWN)
    assert found.step() == []


def test_an_archived_app_ends_with_nothing() -> None:
    found = world(web=2, worker=2, current=3, candidate=None)
    found.settle()
    found.app = replace(found.app, archived_at=found.now)
    found.settle()
    assert found.dynos == {}


def test_a_superseded_release_fails_and_its_dynos_go() -> None:
    found = world(web=1, current=3, candidate=None)
    found.settle()
    found.boots = False
    found.app = replace(found.app, candidate=release(4))
    found.step()
    found.boots = True
    found.app = replace(found.app, candidate=release(5), superseded=((release(4).id, 5),))
    assert Fail(release(4).id, "superseded by v5") in plan(
        found.app, list(found.dynos.values()), found.now, Limits(), rolling=found.rolling
    )
    found.app = replace(found.app, superseded=())
    found.settle()
    assert {dyno.version for dyno in found.dynos.values()} == {5}


accidents = st.lists(
    st.one_of(
        st.tuples(st.just("end"), st.integers(0, 9)),
        st.tuples(st.just("lose"), st.integers(0, 9)),
        st.tuples(st.just("scale"), st.integers(0, 4)),
        st.tuples(st.just("deploy"), st.booleans()),
        st.tuples(st.just("restart"), st.none()),
        st.tuples(st.just("steps"), st.integers(1, 6)),
    ),
    max_size=25,
)


@given(accidents)
@settings(max_examples=300, deadline=None)
def test_whatever_happens_the_formation_comes_back_and_never_more_than_a_surge_runs(events: list) -> None:
    found = world(web=2, worker=1)
    version = 3
    for kind, value in events:
        living = sorted(found.dynos.values(), key=lambda dyno: dyno.id)
        if kind == "end" and living:
            found.end(living[value % len(living)])
        elif kind == "lose" and living:
            found._set(living[value % len(living)], lost=True)
        elif kind == "scale":
            found.app = replace(found.app, formation={**found.app.formation, "web": TypeSpec(value, "basic")})
        elif kind == "deploy":
            version += 1
            found.boots = value
            found.app = replace(found.app, candidate=release(version))
        elif kind == "restart":
            formation = {key: replace(spec, restarted_at=found.now) for key, spec in found.app.formation.items()}
            found.app = replace(found.app, formation=formation)
        elif kind == "steps":
            found.settle(value)
        found.step()
    found.boots = True
    for _ in range(400):
        found.step(10.0)
        starting = [d for d in found.dynos.values() if d.state in (DynoState.STARTING, DynoState.UP)]
        keys = [(d.release_id, d.type, d.number, d.created_at) for d in starting]
        assert len(keys) == len(set(keys))
    wanted = sorted(
        f"{kind}.{number}" for kind, spec in found.app.formation.items() for number in range(1, spec.quantity + 1)
    )
    assert names(found) == wanted
    assert all(dyno.serves for dyno in found.dynos.values())
    assert {dyno.release_id for dyno in found.dynos.values()} <= {found.app.current.id}
    assert found.app.candidate is None
    assert found.rolling is None
    assert found.step() == []
