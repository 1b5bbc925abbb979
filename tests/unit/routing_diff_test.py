"""Commands to a router, checked at every step between two of them."""

from __future__ import annotations

from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hokku.routing.diff import diff
from hokku.routing.model import AppRoutes, Endpoint, RouteState, backend_name
from hokku.routing.table import APPS, DYNOS, HOSTS, STATES, Assign, SetState, Slot, SlotState, Table, Vacate

SLOTS, BACKENDS = 4, 3


def empty() -> Table:
    """A router that was just started."""
    table = Table()
    for number in range(1, BACKENDS + 1):
        slots = {f"p{number:03d}s{n}": Slot("127.0.0.1", 1, SlotState.MAINT) for n in range(1, SLOTS + 1)}
        table.slots[backend_name(number)] = slots
    return table


def endpoint(number: int, *, draining: bool = False, name: str | None = None) -> Endpoint:
    return Endpoint(UUID(int=number), name or f"web.{number}", "host1", "10.0.0.1", 20000 + number, draining)


def app(number: int, *endpoints: Endpoint, backend: int = 1, state: RouteState = RouteState.SERVING) -> AppRoutes:
    return AppRoutes(UUID(int=number), f"app{number}", backend_name(backend), (f"app{number}.test",), state, endpoints)


@st.composite
def wanted_tables(draw: st.DrawFn) -> list[AppRoutes]:
    """A few apps, each on a backend of its own, with dynos that belong to that app for ever."""
    numbers = draw(st.lists(st.integers(1, 4), unique=True, max_size=BACKENDS))
    backends = draw(st.permutations(range(1, BACKENDS + 1)))
    hosts = draw(st.permutations(["a.test", "b.test", "*.c.test", "d.test", "e.test"]))
    tables = []
    for position, number in enumerate(numbers):
        picked = draw(st.lists(st.integers(0, 6), unique=True, max_size=SLOTS))
        draining = draw(st.sets(st.sampled_from(picked))) if picked else set()
        tables.append(
            AppRoutes(
                UUID(int=number),
                f"app{number}",
                backend_name(backends[position]),
                tuple(hosts[position : position + draw(st.integers(0, 1)) + 1 : 2]) if position < 3 else (),
                draw(st.sampled_from(RouteState)),
                tuple(endpoint(number * 10 + n, draining=n in draining) for n in picked),
            )
        )
    return tables


def live(table: Table, backend: str) -> set[tuple[str, int]]:
    return {slot.place for slot in table.slots[backend].values() if slot.state is not SlotState.MAINT}


def check_no_request_goes_astray(table: Table) -> None:
    """Every host name leads to a backend whose slots in use are dynos of the very app that it says it is."""
    for host, backend in table.maps[HOSTS].items():
        owner = UUID(table.maps[APPS][backend]).int
        for name, slot in table.slots[backend].items():
            if slot.state is not SlotState.MAINT:
                assert (slot.port - 20000) // 10 == owner, (host, backend, name, slot)
                assert table.maps[DYNOS][name] == f"web.{slot.port - 20000}"


@settings(max_examples=400, deadline=None)
@given(st.lists(wanted_tables(), min_size=1, max_size=5))
def test_any_change_ends_as_wanted_and_is_right_at_every_step(steps: list[list[AppRoutes]]) -> None:
    table = empty()
    for wanted in steps:
        before = table.copy()
        plan = diff(table, wanted, whole=True)
        assert table == before, "what was found is not changed"
        assert plan.problems == []
        vacated: set[str] = set()
        for command in plan.commands:
            if isinstance(command, Assign):
                slot = table.slots[command.backend][command.slot]
                assert slot.state is SlotState.MAINT, "the address of a slot in use is never changed"
                assert slot.fresh or command.slot in vacated, "nothing of the old dyno is left"
            if isinstance(command, Vacate):
                vacated.add(command.slot)
            command.apply(table)
            check_no_request_goes_astray(table)
        assert table == plan.table
        assert table.maps[HOSTS] == {host: one.backend for one in wanted for host in one.hostnames}
        assert table.maps[APPS] == {one.backend: str(one.app_id) for one in wanted}
        assert table.maps[STATES] == {
            one.backend: one.state.value for one in wanted if one.state is not RouteState.SERVING
        }
        for number in range(1, BACKENDS + 1):
            places = {e.place: e for one in wanted if one.backend == backend_name(number) for e in one.endpoints}
            assert live(table, backend_name(number)) == set(places)
            for slot in table.slots[backend_name(number)].values():
                if slot.state is not SlotState.MAINT:
                    assert (slot.state is SlotState.DRAIN) == places[slot.place].draining
        assert diff(table, wanted, whole=True).commands == [], "a second time there is nothing to do"


def test_new_dynos_are_ready_before_old_ones_are_out() -> None:
    table = diff(empty(), [app(1, endpoint(11))], whole=True).table
    states = [c for c in diff(table, [app(1, endpoint(12))], whole=True).commands if isinstance(c, SetState)]
    assert [one.state for one in states] == [SlotState.READY, SlotState.MAINT]


def test_an_app_changed_alone_leaves_the_others_as_they_are() -> None:
    both = [app(1, endpoint(11)), app(2, endpoint(21), backend=2)]
    table = diff(empty(), both, whole=True).table
    changed = diff(table, [app(2, endpoint(22), backend=2)], whole=False).table
    assert live(changed, "pool001") == {endpoint(11).place}
    assert live(changed, "pool002") == {endpoint(22).place}
    assert changed.maps[HOSTS] == table.maps[HOSTS]


def test_slots_are_used_in_turn_so_that_requests_in_flight_are_seldom_cut() -> None:
    table = empty()
    for number in range(SLOTS):
        plan = diff(table, [app(1, endpoint(10 + number))], whole=True)
        assert not any(isinstance(command, Vacate) for command in plan.commands)
        table = plan.table
    plan = diff(table, [app(1, endpoint(19))], whole=True)
    assert [command.slot for command in plan.commands if isinstance(command, Vacate)] == ["p001s1"]


def test_another_dyno_at_the_same_address_is_published_as_itself() -> None:
    table = diff(empty(), [app(1, endpoint(11))], whole=True).table
    table = diff(table, [app(1, endpoint(11, name="web.2"))], whole=True).table
    ready = [name for name, slot in table.slots["pool001"].items() if slot.state is SlotState.READY]
    assert [table.maps[DYNOS][name] for name in ready] == ["web.2"]


def test_more_than_a_router_has_room_for_is_a_problem_told() -> None:
    plan = diff(empty(), [app(1, *(endpoint(10 + n) for n in range(6)))], whole=True)
    assert plan.problems == ["app app1 has 6 web dynos, a router has room for 4: raise router_servers_per_backend"]
    assert len(live(plan.table, "pool001")) == 4
    plan = diff(empty(), [app(1, backend=9)], whole=True)
    assert plan.problems == ["app app1 has pool009, which is not in the pool: raise router_backends"]


def test_contradictions_are_refused() -> None:
    with pytest.raises(ValueError, match="both have backend pool001"):
        diff(empty(), [app(1), app(2)], whole=True)
    same_host = AppRoutes(UUID(int=2), "app2", "pool002", ("app1.test",), RouteState.SERVING)
    with pytest.raises(ValueError, match=r"app1\.test is wanted by two apps"):
        diff(empty(), [app(1), same_host], whole=True)


@pytest.mark.parametrize("hostname", ["a b.test", "a;show info", "a\nb", "", "*", "A.test", "ä.test", "a" * 300])
def test_a_host_name_that_is_no_word_never_reaches_a_router(hostname: str) -> None:
    with pytest.raises(ValueError, match="is no host name that a router can hold"):
        AppRoutes(UUID(int=1), "app", "pool001", (hostname,), RouteState.SERVING)


def test_an_endpoint_that_is_no_address_is_refused() -> None:
    with pytest.raises(ValueError, match="does not appear to be an IPv4 or IPv6 address"):
        Endpoint(UUID(int=1), "web.1", "host1", "host1", 20000)
    with pytest.raises(ValueError, match="give 1 to 65535"):
        Endpoint(UUID(int=1), "web.1", "host1", "10.0.0.1", 0)
    with pytest.raises(ValueError, match="is no dyno name"):
        Endpoint(UUID(int=1), "web.1;help", "host1", "10.0.0.1", 20000)
