"""Hosts, slots and waiting times."""

from __future__ import annotations

import collections
import uuid
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from hokku.manifold import backoff, placement, slots, warm
from hokku.manifold.placement import Load
from hokku.store.wanted import AppSpec, ReleaseSpec, TypeSpec

NOW = datetime(2030, 1, 1, tzinfo=UTC)
APP, OTHER = uuid.UUID(int=1), uuid.UUID(int=2)


@given(st.integers(1, 5), st.integers(0, 20), st.lists(st.integers(0, 4), max_size=20))
def test_dynos_of_one_app_are_spread_evenly_whatever_else_runs(hosts: int, wanted: int, others: list[int]) -> None:
    names = [f"h{number}" for number in range(hosts)]
    loads = [Load(names[place % hosts], OTHER, "web", 1, 512, NOW) for place in others]
    for number in range(wanted):
        loads.append(Load(placement.choose(names, loads, APP, "web", number) or "", APP, "web", number, 512, NOW))
    count = collections.Counter(load.host for load in loads if load.app_id == APP)
    assert max(count.values(), default=0) - min((count[name] for name in names), default=0) <= 1


def test_the_host_with_the_least_memory_committed_is_taken() -> None:
    loads = [Load(host, OTHER, "web", 1, memory, NOW) for host, memory in (("a", 1024), ("b", 512), ("b", 256))]
    assert placement.choose(["a", "b"], loads, APP, "web", 1) == "b"


@given(st.integers(1, 4), st.lists(st.integers(0, 3), max_size=8))
def test_what_is_being_replaced_does_not_count_for_the_spread(hosts: int, old: list[int]) -> None:
    names = [f"h{number}" for number in range(hosts)]
    loads = [Load(names[place % hosts], APP, "web", number, 512, NOW) for number, place in enumerate(old)]
    new = []
    for number in range(len(old)):
        host = placement.choose(names, [*loads, *new], APP, "web", number) or ""
        new.append(Load(host, APP, "web", number, 512, NOW + timedelta(seconds=1)))
    count = collections.Counter(load.host for load in new)
    assert max(count.values(), default=0) - min(count[name] for name in names) <= 1


def test_without_a_usable_host_there_is_no_place() -> None:
    assert placement.choose([], [], APP, "web", 1) is None


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


def test_templates_are_made_ahead_until_enough_hosts_have_one() -> None:
    release = ReleaseSpec(uuid.UUID(int=5), 3, uuid.UUID(int=6), "0" * 64, "debian-12", {"web": "run"})
    app = AppSpec(APP, "app", formation={"web": TypeSpec(1, "basic")}, current=release)
    hosts = [f"h{number}" for number in range(6)]
    templates: dict[str, set[str]] = {host: set() for host in hosts}
    while (lack := warm.lack([app], templates, hosts)) is not None:
        templates[lack.host].add(f"t-{release.id.hex[:12]}-{lack.host}")
    assert len([host for host in hosts if templates[host]]) == warm.HOSTS


def test_a_choice_tells_what_was_compared() -> None:
    loads = [Load("a", APP, "web", 1, 512, NOW), Load("b", OTHER, "web", 1, 1024, NOW)]
    ranked = placement.rank(["a", "b"], loads, APP, "web", 2)
    assert placement.why(ranked) == (
        "host b (0 of this type, 0 of this app, 1024 MiB in 1 dynos) comes before "
        "a (1 of this type, 1 of this app, 512 MiB in 1 dynos)"
    )
    assert placement.why(ranked[:1]).endswith("is the only one that can take it")
    many = placement.rank([f"h{number}" for number in range(9)], [], APP, "web", 1)
    assert placement.why(many).endswith("and 5 more")
