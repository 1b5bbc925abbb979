"""The loop goes on after what it can do without."""

from __future__ import annotations

import uuid
from types import SimpleNamespace

import pytest
from sqlalchemy.exc import OperationalError

from hokku.manifold import control as module
from hokku.manifold import drain, report
from hokku.manifold.control import Control
from hokku.routing.model import AppRoutes, RouteState, backend_name
from hokku.settings import Host, Settings

APP = uuid.UUID(int=1)
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


def test_an_app_that_cannot_be_planned_keeps_what_serves_it_also_after_a_restart(control, monkeypatch) -> None:
    """The first time routers get what its dynos serve, and from then on they keep what they have."""
    spec, serves = SimpleNamespace(id=APP, name="shop"), AppRoutes(APP, "shop", backend_name(1), (), RouteState.NO_WEB)
    monkeypatch.setattr(module, "plan", fails)
    monkeypatch.setattr(control._verdicts, "follow", lambda *_: False)
    monkeypatch.setattr(control, "_views", lambda *_: [])
    monkeypatch.setattr(control, "_routes", lambda *_: serves)
    changes: dict = {}
    control._app(None, spec, {}, {}, None, changes, [])
    assert changes == {spec.id: serves}
    control._publisher.want(changes, whole=True)
    changes.clear()
    control._app(None, spec, {}, {}, None, changes, [])
    assert changes == {}
    control._publisher.want({}, whole=True, keep={spec.id})
    assert control._publisher.knows(spec.id)
    monkeypatch.setattr(control, "_views", fails)
    control._publisher.want({}, whole=True)
    control._app(None, spec, {}, {}, None, changes, [])
    assert changes == {}, "not even that could be found, and the other apps go on"
