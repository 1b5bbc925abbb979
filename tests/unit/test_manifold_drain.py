"""Draining hosts, played by several apps on several hosts: plan, placement and turns together."""

from __future__ import annotations

import uuid
from collections import Counter
from dataclasses import dataclass, field, replace
from datetime import timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from hokku.manifold import drain, placement
from hokku.manifold.model import DynoView, Presence
from hokku.manifold.placement import Load
from hokku.manifold.plan import Retire, Start
from hokku.store.tables import DynoState
from hokku.store.wanted import AppSpec, TypeSpec
from tests.unit.test_manifold_plan import START, World, release

LIVING = (DynoState.STARTING, DynoState.UP)


@dataclass
class Placed(World):
    """An app whose dynos go where the platform's placement puts them."""

    fleet: Fleet | None = None

    def _do(self, action: object) -> None:
        if not isinstance(action, Start):
            super()._do(action)
            return
        loads = self.fleet.loads().values()
        host = placement.choose(self.fleet.usable(), loads, self.app.id, action.type, action.number)
        if host is None:
            return
        self.fleet.made += 1
        made = DynoView(
            uuid.UUID(int=self.fleet.made), self.app.id, action.release.id, action.release.version, action.type,
            action.number, action.size, DynoState.STARTING, host, self.now, crashes=action.crashes,
            presence=Presence.RUNNING, running_since=self.now, port_open=self.boots,
        )  # fmt: skip
        self.dynos[made.id] = made


@dataclass
class Fleet:
    """Hosts, what is wanted of them, and the apps on them."""

    hosts: list[str]
    apps: list[Placed] = field(default_factory=list)
    drained: set[str] = field(default_factory=set)
    made: int = 0

    def usable(self) -> list[str]:
        return [host for host in self.hosts if host not in self.drained]

    def app(self, web: int, worker: int = 0) -> Placed:
        formation = {"web": TypeSpec(web, "basic"), "worker": TypeSpec(worker, "basic")}
        spec = AppSpec(uuid.UUID(int=10_000 + len(self.apps)), "app", formation=formation, current=release(3))
        self.apps.append(Placed(spec, fleet=self))
        return self.apps[-1]

    def all(self) -> list[DynoView]:
        return [dyno for app in self.apps for dyno in app.dynos.values()]

    def loads(self) -> dict[uuid.UUID, Load]:
        return {
            dyno.id: Load(
                dyno.host, dyno.app_id, dyno.type, dyno.number, 512, dyno.created_at,
                leaving=dyno.state not in LIVING, crashed=dyno.state is DynoState.CRASHED,
                crashes=dyno.crashes,
            )
            for dyno in self.all()
        }  # fmt: skip

    def turns(self) -> set[uuid.UUID]:
        return drain.turns(self.loads(), self.drained, usable=bool(self.usable()))

    def step(self, seconds: float = 1.0) -> list[object]:
        turns, actions = self.turns(), []
        for app in self.apps:
            for dyno in list(app.dynos.values()):
                app._set(dyno, moving=dyno.id in turns)
            actions += app.step(seconds)
        return actions

    def settle(self, steps: int = 60) -> None:
        for _ in range(steps):
            self.step()

    def on(self, host: str) -> list[DynoView]:
        return [dyno for dyno in self.all() if dyno.host == host and dyno.state is not DynoState.CRASHED]


def fleet(hosts: int = 3, **apps: int) -> Fleet:
    """`apps`: name and number of web dynos."""
    found = Fleet([f"h{number}" for number in range(hosts)])
    for web in apps.values():
        found.app(web)
    found.settle(20)
    return found


def served(app: Placed) -> set[int]:
    return {dyno.number for dyno in app.routed()}


def test_each_dyno_is_retired_only_after_its_replacement_elsewhere_is_routed() -> None:
    found = fleet(a=3)
    assert Counter(dyno.host for dyno in found.all()) == {"h0": 1, "h1": 1, "h2": 1}
    found.drained = {"h1"}
    (app,) = found.apps
    for _ in range(20):
        found.step()
        assert served(app) == {1, 2, 3}
        assert len([dyno for dyno in app.dynos.values() if dyno.state in LIVING]) <= 4
    assert found.on("h1") == []
    assert len(app.dynos) == 3
    assert found.step() == []


def test_the_reason_of_a_retirement_names_the_host() -> None:
    found = fleet(a=3)
    found.drained = {"h1"}
    reasons = [action.reason for _ in range(10) for action in found.step() if isinstance(action, Retire)]
    assert reasons == ["its host h1 is being drained"]


def test_a_full_host_is_drained_a_few_dynos_at_a_time() -> None:
    found = fleet(hosts=2, **{f"app{number}": 6 for number in range(8)})
    assert len(found.on("h0")) == 24
    found.drained = {"h0"}
    most = of_an_app = 0
    for _ in range(80):
        found.step()
        living = [dyno for dyno in found.all() if dyno.state in LIVING]
        most = max(most, len(living) - 48)
        for app in found.apps:
            of_an_app = max(of_an_app, len([dyno for dyno in living if dyno.app_id == app.app.id]) - 6)
            assert served(app) == set(range(1, 7))
    assert found.on("h0") == []
    assert most == drain.OF_A_HOST
    assert of_an_app == drain.OF_AN_APP


def test_apps_whose_replacements_do_not_boot_keep_what_they_have_and_hold_up_no_other() -> None:
    found = fleet(hosts=2, **{f"app{number}": 4 for number in range(12)})
    broken, good = found.apps[:10], found.apps[10:]
    for app in broken:
        app.boots = False
    found.drained = {"h0"}
    for _ in range(400):
        found.step()
        assert all(served(app) == {1, 2, 3, 4} for app in found.apps)
        assert all(len(app.dynos) <= 4 + drain.OF_AN_APP for app in broken)
    assert {dyno.app_id for dyno in found.on("h0")} == {app.app.id for app in broken}
    for app in broken:
        app.boots = True
    for _ in range(300):
        found.step(20.0)
    assert found.on("h0") == []
    assert all(served(app) == {1, 2, 3, 4} for app in [*broken, *good])


def test_a_host_that_is_active_again_keeps_what_was_not_replaced_yet() -> None:
    found = fleet(hosts=3, a=3, b=3, c=3)
    before = {dyno.id for dyno in found.on("h2")}
    for app in found.apps:
        app.boots = False  # replacements start, and are not up yet
    found.drained = {"h2"}
    found.step()
    found.step()
    assert len(found.all()) > 9
    found.drained = set()
    for app in found.apps:
        app.boots = True
    found.settle(20)
    assert {dyno.id for dyno in found.on("h2")} == before
    assert len(found.all()) == 9
    assert found.step() == []


def test_the_replacement_that_is_not_needed_any_more_is_told_why() -> None:
    found = fleet(a=3)
    found.apps[0].boots = False
    found.drained = {"h1"}
    found.step()
    found.drained = set()
    reasons = [action.reason for _ in range(10) for action in found.step() if isinstance(action, Retire)]
    assert reasons == ["the dyno that it was to replace stays"]


def test_without_another_host_nothing_moves_until_there_is_one() -> None:
    found = fleet(hosts=2, a=2)
    found.drained = {"h0", "h1"}
    before = {dyno.id for dyno in found.all()}
    for _ in range(10):
        assert found.step() == []
    assert {dyno.id for dyno in found.all()} == before
    found.hosts.append("h2")
    found.settle()
    assert {dyno.host for dyno in found.all()} == {"h2"}
    assert served(found.apps[0]) == {1, 2}


def test_a_replacement_that_is_under_way_goes_on_when_the_other_hosts_are_not_usable_for_a_moment() -> None:
    found = fleet(a=3)
    found.apps[0].boots = False
    found.drained = {"h1"}
    found.step()
    (old,) = found.on("h1")
    assert drain.turns(found.loads(), {"h1"}, usable=False) == {old.id}


def test_a_deploy_during_a_drain_is_not_held_up_and_ends_off_the_host() -> None:
    found = fleet(a=3)
    (app,) = found.apps
    found.drained = {"h1"}
    app.app = replace(app.app, candidate=release(4))
    for _ in range(30):
        found.step()
        assert served(app) == {1, 2, 3}
    assert app.served == [4]
    assert {dyno.version for dyno in found.all()} == {4}
    assert found.on("h1") == []


def test_a_deploy_whose_dynos_are_on_the_host_already_is_published_before_they_move() -> None:
    found = fleet(a=3)
    (app,) = found.apps
    app.app = replace(app.app, candidate=release(4))
    found.step()
    assert found.on("h1")
    found.drained = {"h1"}
    for _ in range(30):
        found.step()
        assert served(app) == {1, 2, 3}
    assert app.served == [4]
    assert found.on("h1") == []


def test_one_off_dynos_are_waited_for() -> None:
    run = Load("h0", uuid.UUID(int=1), "run", 1234, 512, START, oneoff=True)
    assert drain.turns({uuid.UUID(int=2): run}, {"h0"}, usable=True) == set()


def test_places_that_cannot_be_made_take_no_turn_from_others() -> None:
    loads = {
        uuid.UUID(int=number): Load("h0", uuid.UUID(int=1000 + number), "web", 1, 512, START + timedelta(number))
        for number in range(3 * drain.OF_A_HOST)
    }
    stuck = {(load.app_id, "web", 1) for load in list(loads.values())[: drain.OF_A_HOST + 2]}
    found = drain.turns(loads, {"h0"}, usable=True, stuck=stuck)
    tried = {key for key in found if (loads[key].app_id, "web", 1) in stuck}
    assert len(tried) == drain.OF_A_HOST
    assert len(found - tried) == drain.OF_A_HOST


def test_a_place_has_one_turn_while_two_of_its_hosts_are_drained() -> None:
    first, second = uuid.UUID(int=2), uuid.UUID(int=3)
    old = Load("h0", uuid.UUID(int=1), "web", 1, 512, START)
    loads = {first: old, second: replace(old, host="h1", created_at=START + timedelta(1))}
    assert drain.turns(loads, {"h0", "h1"}, usable=True) == {first}
    loads[uuid.UUID(int=4)] = replace(old, host="h2", created_at=START + timedelta(seconds=1))
    assert drain.turns(loads, {"h0", "h1"}, usable=True) == {first}


def test_dynos_of_an_app_with_a_rollout_take_no_turn() -> None:
    rolling = uuid.UUID(int=1)
    loads = {
        uuid.UUID(int=10 + number): Load("h0", uuid.UUID(int=number), "web", 1, 512, START + timedelta(number))
        for number in range(1, drain.OF_A_HOST + 2)
    }
    found = drain.turns(loads, {"h0"}, usable=True, rolling={rolling})
    assert found == loads.keys() - {uuid.UUID(int=11)}


def test_replacements_that_crash_hold_up_no_other_place_of_the_app() -> None:
    app, later = uuid.UUID(int=1), START + timedelta(1)
    loads = {uuid.UUID(int=10 + number): Load("h0", app, "web", number, 512, START) for number in range(1, 5)}
    for number in range(1, 1 + drain.OF_AN_APP):
        loads[uuid.UUID(int=20 + number)] = Load("h1", app, "web", number, 0, later, True, True, crashes=3)
    assert drain.turns(loads, {"h0"}, usable=True) == {uuid.UUID(int=10 + number) for number in range(1, 5)}


events = st.lists(
    st.one_of(
        st.tuples(st.just("drain"), st.integers(0, 2)),
        st.tuples(st.just("active"), st.integers(0, 2)),
        st.tuples(st.just("steps"), st.integers(1, 5)),
        st.tuples(st.just("deploy"), st.integers(0, 1)),
        st.tuples(st.just("restart"), st.integers(0, 1)),
    ),
    max_size=20,
)


@given(events)
@settings(max_examples=150, deadline=None)
def test_whatever_operators_want_no_number_is_ever_unserved_and_never_more_than_the_surge_runs(told: list) -> None:
    found = fleet(a=4, b=3)
    version = 3
    for kind, value in told:
        if kind == "drain" and len(found.drained | {found.hosts[value]}) < len(found.hosts):
            found.drained.add(found.hosts[value])
        elif kind == "active":
            found.drained.discard(found.hosts[value])
        elif kind == "deploy":
            version += 1
            app = found.apps[value]
            app.app = replace(app.app, candidate=release(version))
        elif kind == "restart":
            app = found.apps[value]
            again = {key: replace(spec, restarted_at=app.now) for key, spec in app.app.formation.items()}
            app.app = replace(app.app, formation=again)
        for _ in range(value if kind == "steps" else 1):
            found.step()
            check(found)
    for _ in range(60):
        found.step()
        check(found)
    assert not [dyno for dyno in found.all() if dyno.host in found.drained]
    assert [len(app.dynos) for app in found.apps] == [4, 3]
    assert found.step() == []


def check(found: Fleet) -> None:
    """Promises 2 and 4, at every step."""
    for app, wanted in zip(found.apps, (4, 3), strict=True):
        assert served(app) >= set(range(1, wanted + 1))
        restarted = {kind: spec.restarted_at or START for kind, spec in app.app.formation.items()}
        fresh = [
            dyno for dyno in app.dynos.values()
            if dyno.state in LIVING and dyno.created_at >= restarted[dyno.type]
        ]  # fmt: skip
        # what a deploy or a restart replaces besides is their surge
        most = max(Counter(dyno.release_id for dyno in fresh).values(), default=0)
        assert most <= wanted + 2 * drain.OF_AN_APP
