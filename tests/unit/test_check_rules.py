"""What is said of the parts of a platform."""

from __future__ import annotations

import threading
from pathlib import Path

from hokku.checks import capacity, disks, machines
from hokku.checks.finding import Check, State, well
from hokku.checks.run import checks, run
from hokku.manifold.lxd import Instance
from hokku.manifold.placement import Load
from hokku.manifold.report import waits
from hokku.settings import Host, Settings
from hokku.store.hosts import HostState, Seen, Wanted
from tests.unit.test_manifold_places import APP, NOW


def test_one_check_that_hangs_or_raises_costs_its_own_answer_only():
    hanging = threading.Event()

    def raises():
        raise OSError("Connection refused")

    wanted = [
        Check("a", "hangs", "Wait.", lambda: hanging.wait(30) and []),
        Check("b", "raises", "Start it.", raises),
        Check("c", "well", "", lambda: [well("c", "well", "It is.")]),
    ]
    try:
        first, second, third = run(wanted, seconds=0.5)
    finally:
        hanging.set()
    assert (first.state, first.remedy) == (State.FAILED, "Wait.")
    assert "did not answer" in first.message
    assert (second.state, second.message, second.remedy) == (State.FAILED, "Connection refused.", "Start it.")
    assert third.state is State.OK


def test_every_router_and_host_and_service_is_looked_at():
    settings = Settings(
        dyno_hosts=(Host(name="one", address="10.0.0.1"),), routers=(Host(name="one", address="10.0.0.1"),)
    )
    found = [(check.part, check.name) for check in checks(settings)]
    assert len(found) == len(set(found))
    assert {("router", "one"), ("host", "one"), ("certificates", "host one"), ("capacity", "backends")} <= set(found)
    parts = {"database", "logplex", "manifold", "builder", "courier", "rendezvous"}
    assert parts <= {part for part, _ in found}
    assert all(check.remedy.endswith(".") for check in checks(settings))


def test_memory_is_little_when_the_largest_host_cannot_be_lost():
    total = {"a": 4096, "b": 4096, "c": None}
    assert capacity.memory({"a": 2048, "b": 1024, "c": 9999}, total).state is State.OK
    lost = capacity.memory({"a": 4096, "b": 1024, "c": 0}, total)
    assert (lost.state, "largest" in lost.message) == (State.WARNING, True)
    assert "80%" in capacity.memory({"a": 4096, "b": 4096, "c": 0}, total).message
    assert capacity.memory({"a": 2048}, {"a": 4096}).state is State.OK
    assert capacity.memory({}, {}).state is State.WARNING


def test_slots_have_failed_only_when_no_host_has_any():
    assert capacity.slots({"a": 3, "b": 0}, 10).state is State.OK
    assert capacity.slots({"a": 10, "b": 0}, 10).state is State.WARNING
    assert capacity.slots({"a": 10, "b": 10}, 10).state is State.FAILED
    assert capacity.slots({}, 10).state is State.FAILED


def test_a_disk_is_little_before_it_is_full():
    states = [disks.free("slugs", Path("/srv"), percent).state for percent in (50, 14, 4)]
    assert states == [State.OK, State.WARNING, State.FAILED]


def test_a_host_that_is_cordoned_is_well_and_a_drain_that_waits_is_told():
    online = Seen(HostState.ONLINE)
    assert machines.seen("dyno1", online, Wanted.ACTIVE).state is State.OK
    assert "cordoned" in machines.seen("dyno1", online, Wanted.CORDONED).message
    waiting = machines.seen("dyno1", Seen(HostState.ONLINE, "waits: 1 build to end"), Wanted.DRAINED)
    assert (waiting.state, "waits: 1 build to end" in waiting.message) == (State.WARNING, True)
    assert machines.seen("dyno1", Seen(HostState.ONLINE, empty=True), Wanted.DRAINED).state is State.OK
    assert machines.seen("dyno1", Seen(HostState.OFFLINE, "it is off"), Wanted.ACTIVE).state is State.FAILED


def load(**more) -> Load:
    return Load("dyno1", APP, "web", 1, 512, NOW, **more)


def test_a_drain_tells_what_it_waits_for():
    build = Instance("b-1", "Running", "dyno1", {"user.hokku.kind": "build"})
    assert waits([load(), load(leaving=True), load(oneoff=True)], [build], True, ()) == (
        "waits: 1 dyno to be replaced elsewhere, 1 dyno to finish what is in flight and stop, "
        "1 one-off dyno to end, 1 build to end"
    )
    assert waits([load(), load()], [], False, ()) == "waits: no other host can take its 2 dynos now"
    stuck = ["web.1 of d", "web.1 of c", "web.1 of b", "web.1 of a"]
    assert waits([load()], [], True, stuck).endswith(
        "the replacement of web.1 of a, web.1 of b, web.1 of c and 1 more does not come up"
    )
    assert waits([], [], True, ()) == "waits: what is left of apps to be deleted"
