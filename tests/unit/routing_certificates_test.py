"""Which certificates a router is told to serve, and which no longer."""

from __future__ import annotations

from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hokku.routing.certificates import Serve, Withdraw, changes
from hokku.routing.diff import diff
from hokku.routing.model import AppRoutes, Certificate, RouteState, backend_name
from hokku.routing.table import CERTIFICATES, Slot, SlotState, Table

A, B = "a" * 64, "b" * 64
HOSTS = ("a.test", "b.test", "*.c.test", "x.c.test", "e.test", "f.test")


def empty() -> Table:
    table = Table()
    for number in (1, 2, 3):
        table.slots[backend_name(number)] = {f"p{number:03d}s1": Slot("127.0.0.1", 1, SlotState.MAINT)}
    return table


def app(number: int, **digests: str | None) -> AppRoutes:
    """An app with these hostnames (dots are written __), each with a certificate or None."""
    names = {name.replace("__", "."): digest for name, digest in digests.items()}
    certificates = tuple(Certificate(name, digest) for name, digest in names.items() if digest)
    return _app(number, tuple(names), certificates)


def _app(number: int, hostnames: tuple[str, ...], certificates: tuple[Certificate, ...]) -> AppRoutes:
    backend = backend_name(number)
    return AppRoutes(UUID(int=number), f"app{number}", backend, hostnames, RouteState.BLANK, (), certificates)


def told(table: Table, *wanted: AppRoutes, whole: bool = True) -> Table:
    """The table after the router was told."""
    after = diff(table, wanted, whole=whole).table
    for change in changes(table, wanted, whole=whole):
        change.apply(after)
    return after


@st.composite
def wanted_tables(draw: st.DrawFn) -> list[AppRoutes]:
    owners = draw(st.lists(st.integers(0, 3), min_size=len(HOSTS), max_size=len(HOSTS)))
    digests = draw(st.lists(st.sampled_from([None, A, B]), min_size=len(HOSTS), max_size=len(HOSTS)))
    apps = []
    for number in (1, 2, 3):
        mine = [(host, digest) for host, owner, digest in zip(HOSTS, owners, digests, strict=True) if owner == number]
        certificates = tuple(Certificate(host, digest) for host, digest in mine if digest)
        apps.append(_app(number, tuple(host for host, _ in mine), certificates))
    return apps


@settings(max_examples=300, deadline=None)
@given(st.lists(wanted_tables(), min_size=1, max_size=4))
def test_any_change_ends_as_wanted_and_a_second_time_there_is_nothing_to_do(steps: list[list[AppRoutes]]) -> None:
    table = empty()
    for wanted in steps:
        before = table.copy()
        after = told(table, *wanted)
        assert table == before, "what was found is not changed"
        digests = {one.hostname: one.digest for routes in wanted for one in routes.certificates}
        assert (after.maps[CERTIFICATES], after.certified) == (digests, set(digests))
        sent = {change.hostname for change in changes(table, wanted, whole=True)}
        kept = {host for host, digest in before.maps[CERTIFICATES].items() if digests.get(host) == digest}
        assert not sent & kept, "nothing is sent again"
        assert changes(after, wanted, whole=True) == []
        table = after


def test_a_host_name_that_gets_another_certificate_is_changed_in_place() -> None:
    table = told(empty(), app(1, a__test=A))
    assert changes(table, [app(1, a__test=B)], whole=True) == [Serve("a.test", B, listed=True, known=True)]


def test_an_app_changed_alone_leaves_the_certificates_of_others() -> None:
    table = told(empty(), app(1, a__test=A), app(2, b__test=B))
    alone = [app(1, a__test=None, e__test=A)]
    assert changes(table, alone, whole=False) == [
        Serve("e.test", A, listed=False, known=False),
        Withdraw("a.test", listed=True, known=True),
    ]
    after = told(table, *alone, whole=False)
    assert after.maps[CERTIFICATES] == {"b.test": B, "e.test": A}


def test_a_host_name_that_moves_takes_the_other_apps_certificate() -> None:
    table = told(empty(), app(1, a__test=A), app(2))
    assert changes(table, [app(1), app(2, a__test=B)], whole=True) == [Serve("a.test", B, listed=True, known=True)]
    assert changes(table, [app(2, a__test=None), app(1)], whole=True) == [Withdraw("a.test", listed=True, known=True)]


def test_what_a_broken_talk_left_is_made_right() -> None:
    table = told(empty(), app(1, a__test=A, b__test=B))
    del table.maps[CERTIFICATES]["a.test"]
    table.certified.discard("b.test")
    table.certified.add("left.test")
    assert changes(table, [app(1, a__test=A, b__test=B)], whole=True) == [
        Serve("a.test", A, listed=True, known=False),
        Serve("b.test", B, listed=False, known=True),
        Withdraw("left.test", listed=True, known=False),
    ]


def test_a_certificate_that_cannot_be_told_to_a_router_is_refused() -> None:
    for hostname, digest in (("a b.test", A), ("a.test;x", A), ("a.test", "A" * 64), ("a.test", "a")):
        with pytest.raises(ValueError, match="that a router can hold"):
            Certificate(hostname, digest)
    for certificates in ((Certificate("b.test", A),), (Certificate("a.test", A), Certificate("a.test", B))):
        with pytest.raises(ValueError, match="give one at most"):
            _app(1, ("a.test",), certificates)
