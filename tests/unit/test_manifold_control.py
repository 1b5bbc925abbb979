"""The loop goes on after what it can do without."""

from __future__ import annotations

import uuid

import pytest
from sqlalchemy.exc import OperationalError

from hokku.manifold import drain, report
from hokku.manifold.control import Control
from hokku.settings import Host, Settings

SETTINGS = Settings(dyno_hosts=(Host(name="dyno1", address="127.0.0.1"),))


@pytest.fixture
def control() -> Control:
    return Control(SETTINGS, None, lambda: None)


def fails(*_: object, **__: object) -> None:
    raise AttributeError("'NoneType' object has no attribute 'lower'")


def test_an_error_in_the_report_for_people_ends_nothing(control, monkeypatch) -> None:
    monkeypatch.setattr(report, "hosts", fails)
    control._report(None, [], {})


def test_an_error_in_the_turns_of_drains_leaves_them_as_they_were(control, monkeypatch) -> None:
    monkeypatch.setattr(drain, "turns", fails)
    control._moving = {uuid.UUID(int=1)}
    assert control._turns() == {uuid.UUID(int=1)}


def test_what_the_database_raises_in_the_report_ends_the_pass(control, monkeypatch) -> None:
    def broken(*_: object) -> None:
        raise OperationalError("INSERT", {}, Exception("gone"))

    monkeypatch.setattr(control._reporter, "tell", broken)
    with pytest.raises(OperationalError):
        control._report(None, [], {})
