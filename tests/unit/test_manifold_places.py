"""Hosts, slots and waiting times."""

from __future__ import annotations

import collections
import uuid
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from hokku.manifold import backoff, placement, slots
from hokku.manifold.placement import Load

NOW = datetime(2030, 1, 1, tzinfo=UTC)
APP, OTHER = uuid.UUID(int=1), uuid.UUID(int=2)


@given(st.integers(1, 5), st.integers(0, 20), st.lists(st.integers(0, 4), max_size=20))
def test_dynos_of_one_app_are_spread_evenly_whatever_else_runs(hosts: int, wanted: int, others: list[int]) -> None:
    names = [f"h{number}" for number in range(hosts)]
    loads = [Load(names[place % hosts], OTHER, "web", 512) for place in others]
    for _ in range(wanted):
        loads.append(Load(placement.choose(names, loads, APP, "web") or "", APP, "web", 512))
    count = collections.Counter(load.host for load in loads if load.app_id == APP)
    assert max(count.values(), default=0) - min((count[name] for name in names), default=0) <= 1


def test_the_host_with_the_least_memory_committed_is_taken() -> None:
    loads = [Load("a", OTHER, "web", 1024), Load("b", OTHER, "web", 512), Load("b", OTHER, "web", 256)]
    assert placement.choose(["a", "b"], loads, APP, "web") == "b"


def test_without_a_usable_host_there_is_no_place() -> None:
    assert placement.choose([], [], APP, "web") is None


def free(rows: dict, found: set = frozenset(), count: int = 3, seen: datetime | None = NOW) -> int | None:
    return slots.free(rows, found, count=count, now=NOW, quarantine=300, routers_seen=seen)


def test_a_slot_never_used_comes_first() -> None:
    assert free({0: NOW - timedelta(days=1), 1: None}) == 2


def test_a_slot_is_not_reused_within_its_quarantine() -> None:
    assert free({0: NOW - timedelta(seconds=299), 1: None, 2: None}) is None
    assert free({0: NOW - timedelta(seconds=301), 1: None, 2: None}) == 0


def test_a_slot_is_not_reused_before_every_router_forgot_it() -> None:
    old = {0: NOW - timedelta(seconds=400), 1: None, 2: None}
    assert free(old, seen=None) is None
    assert free(old, seen=NOW - timedelta(seconds=500)) is None


def test_a_slot_that_an_instance_still_has_is_not_reused() -> None:
    assert free({0: NOW - timedelta(days=1)}, found={0, 1, 2}) is None


@given(st.integers(0, 1999), st.integers(0, 1999))
def test_addresses_are_unique_on_a_host_and_never_the_gateway(one: int, other: int) -> None:
    assert (slots.address(one) == slots.address(other)) == (one == other)
    assert slots.address(one) != "10.99.0.1"


def test_the_first_crash_costs_no_time_and_later_ones_more_and_more() -> None:
    delays = [backoff.delay(count) for count in range(1, 40)]
    assert delays[0] == 0
    assert delays == sorted(delays)
    assert delays[-1] == backoff.LONGEST


def test_a_dyno_that_ran_well_starts_over() -> None:
    assert backoff.crashes(7, backoff.RAN_WELL) == 1
    assert backoff.crashes(7, 10.0) == 8
    assert backoff.crashes(0, None) == 1
