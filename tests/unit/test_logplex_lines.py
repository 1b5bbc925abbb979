"""Lines: what is pushed becomes what users read, and bad input becomes one clear refusal."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from unittest.mock import MagicMock
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy.exc import OperationalError

from hokku.logplex.consume import Mover
from hokku.logplex.lines import Filter, Line, arrival, slot_of, with_code
from hokku.logplex.places import Places
from hokku.logplex.repeats import Taken
from hokku.logplex.streams import Entry, as_event
from hokku.store.places import Place

APP = "0d4f8a3c-1111-4222-8333-444455556666"
SENT = {"host": "dyno1", "run": "r", "seq": "7", "t": "2026-01-01T02:00:00+02:00", "m": "hello"}


def pushed(**more: object) -> bytes:
    return json.dumps(SENT | more).encode()


def test_a_line_is_formatted_as_herokus_cli_expects() -> None:
    line = Line("2026-01-01T00:00:00.000000+00:00", "app", "web.1", "hello")
    assert str(line) == "2026-01-01T00:00:00.000000+00:00 app[web.1]: hello"


def test_a_dynos_line_has_the_slot_of_its_address_and_utc_with_microseconds() -> None:
    found = arrival(pushed(k="dyno", addr="10.99.2.3"))
    assert (found.slot, found.sender.seq, found.line.text) == (252, 7, "hello")
    assert found.line.time == "2026-01-01T00:00:00.000000+00:00"


def test_a_routers_line_has_the_app_of_its_structured_data() -> None:
    sd = f'[hokku@32473 app="{APP}" ts="sC"]'
    found = arrival(pushed(k="router", sd=sd, m='at=error code=H19 desc="x" method=GET'))
    assert (found.app_id, found.line.source, found.line.process) == (APP, "heroku", "router")
    assert found.line.text == 'at=error code=H19 desc="Backend connection timeout" method=GET'


@pytest.mark.parametrize(
    "bad",
    [
        b"",
        b"{",
        b"[]",
        b"7",
        b"\xff\xfe",
        pushed(k="other"),
        pushed(k="dyno"),
        pushed(k="dyno", addr="10.99.0.1"),
        pushed(k="dyno", addr="not an address"),
        pushed(k="dyno", addr="10.99.1.1", seq="x"),
        pushed(k="dyno", addr="10.99.1.1", t="yesterday"),
        pushed(k="router", sd="-"),
        pushed(k="app", app="no-uuid", src="app", ps="api"),
    ],
)
def test_what_is_no_line_is_refused_and_not_a_crash(bad: bytes) -> None:
    with pytest.raises(ValueError):  # noqa: PT011
        arrival(bad)


@given(st.binary(max_size=200))
def test_any_bytes_are_a_line_or_refused(data: bytes) -> None:
    try:
        arrival(data)
    except ValueError:
        pass


@given(st.integers(0, 1999))
def test_slots_and_addresses_are_one_to_one(slot: int) -> None:
    assert slot_of(f"10.99.{1 + slot // 250}.{1 + slot % 250}") == slot


INFO = 'at=info method=GET path="/a at=info" host=h dyno=web.1 connect=0ms service=1ms status=200 bytes=9 protocol=http'


@pytest.mark.parametrize(
    ("termination", "code"),
    [("PH", "H17"), ("SD", "H18"), ("sD", "H15"), ("CD", "H27"), ("CH", "H27"), ("cD", "H28"), ("--", None)],
)
def test_a_termination_state_becomes_a_code(termination: str, code: str | None) -> None:
    made = with_code(INFO, termination)
    assert made.startswith(f"at=error code={code} desc=" if code else "at=info")
    assert 'path="/a at=info"' in made
    assert (" status=499 " in made) is (code == "H27")


def test_a_code_that_the_router_knows_itself_stays() -> None:
    said = INFO.replace("at=info method", 'at=error code=H12 desc="Request timeout" method')
    assert with_code(said, "sH") == said
    assert with_code(said, "CH") == said


def test_an_idle_websocket_is_h15() -> None:
    assert "code=H15" in with_code(INFO.replace("status=200", "status=101"), "cD")


@pytest.mark.parametrize(
    ("wanted", "process", "source", "taken"),
    [
        (Filter(), "web.1", "app", True),
        (Filter("web"), "web.1", "app", True),
        (Filter("web"), "webhook.1", "app", False),
        (Filter("web.1"), "web.1", "app", True),
        (Filter("web.1"), "web.10", "app", False),
        (Filter(source="app"), "router", "heroku", False),
        (Filter("router", "heroku"), "router", "heroku", True),
    ],
)
def test_filters_take_a_dyno_a_type_and_a_source(wanted: Filter, process: str, source: str, taken: bool) -> None:
    assert wanted.takes(Line("t", source, process, "m")) is taken


@given(st.lists(st.integers(1, 60)))
def test_every_number_is_taken_once(numbers: list[int]) -> None:
    taken, known = Taken(), set()
    for number in numbers:
        assert taken.take(number) is (number not in known)
        known.add(number)
        taken = Taken.load(taken.dump())
    if known:
        assert taken.missing == max(known) - min(known) + 1 - len(known)


def test_what_is_remembered_of_a_sender_is_bounded_and_forgetting_loses_no_line() -> None:
    taken = Taken()
    assert all(taken.take(number) for number in range(0, 1000, 2))
    assert len(taken.ranges) == 64
    assert taken.take(1)
    assert not taken.take(998)


def test_lines_that_do_not_come_are_told_once() -> None:
    mover = Mover(MagicMock(), None)
    mover._taken = {"dyno1/run": Taken([[1, 4], [7, 9]]), "dyno2/run": Taken([[1, 4]])}
    assert mover.audit() == {}
    assert mover.audit() == {"dyno1/run": 2}
    assert mover.audit() == {}
    assert mover._taken["dyno1/run"].ranges == [[1, 9]]


def test_a_carriage_return_in_a_line_cannot_forge_an_event() -> None:
    event = as_event(Entry(5, Line("t", "app", "web.1", "a\rid: 9\r\ndata: x\u2028y")))
    assert event == "id: 5\ndata: t app[web.1]: a\ndata: id: 9\ndata: data: x\u2028y\n\n".encode()


NOW = datetime.now(UTC)


class Table:
    """Stands for the table of dynos: counts what it is asked."""

    def __init__(self, *rows: Place) -> None:
        self.rows, self.asked, self.away = rows, 0, False

    def look(self, host: str, slot: int, at: datetime) -> Place | None:
        self.asked += 1
        if self.away:
            raise OperationalError("select", {}, Exception("gone"))
        return next((row for row in self.rows if row.since <= at + timedelta(minutes=1)), None)


def row(name: str, since: float, until: float | None = None) -> Place:
    ended = None if until is None else NOW + timedelta(seconds=until)
    return Place(UUID(APP), name, NOW + timedelta(seconds=since), ended)


def test_the_database_is_asked_once_for_many_lines() -> None:
    table = Table(row("web.1", -100))
    places = Places(table.look, timedelta(seconds=300))
    assert {places.find("dyno1", 0, NOW).name for _ in range(100)} == {"web.1"}
    assert table.asked == 1


def test_a_late_line_belongs_to_the_dyno_that_had_the_slot_then() -> None:
    table = Table(row("web.2", -5), row("web.1", -5000, -400))
    places = Places(table.look, timedelta(seconds=300))
    assert places.find("dyno1", 0, NOW).name == "web.2"
    assert places.find("dyno1", 0, NOW - timedelta(seconds=420)).name == "web.1"
    assert places.find("dyno1", 0, NOW).name == "web.2"


def test_a_remembered_answer_is_not_trusted_longer_than_a_slot_is_safe() -> None:
    table = Table(row("web.1", -5000))
    places = Places(table.look, timedelta(seconds=300))
    places.find("dyno1", 0, NOW)
    table.rows = (row("web.2", 400), *table.rows)
    assert places.find("dyno1", 0, NOW + timedelta(seconds=410)).name == "web.2"


def test_without_the_database_the_last_answer_holds() -> None:
    table = Table(row("web.1", -5000))
    places = Places(table.look, timedelta(seconds=300))
    places.find("dyno1", 0, NOW)
    table.away = True
    assert places.find("dyno1", 0, NOW + timedelta(hours=1)).name == "web.1"
    with pytest.raises(OperationalError):
        places.find("dyno1", 1, NOW)
