"""Where a new dyno goes, and what comes of one that cannot be made."""

from __future__ import annotations

import uuid

import pytest

from hokku.manifold.act import Actor, Place
from hokku.manifold.control import Control
from hokku.manifold.lifecycle import Birth
from hokku.manifold.lxd import LxdError
from hokku.manifold.model import Trouble
from hokku.settings import Host, Settings
from hokku.store.tables import now
from hokku.store.wanted import AppSpec

HOSTS = tuple(Host(name=name, address="127.0.0.1") for name in ("a", "b", "c"))
SETTINGS = Settings(dyno_hosts=HOSTS, dyno_slots=1)
APP = AppSpec(uuid.UUID(int=1), "app")


@pytest.fixture
def actor(monkeypatch) -> Actor:
    control = Control(SETTINGS, None, lambda: None)
    monkeypatch.setattr(control.cluster, "usable", lambda: ["a", "b", "c"])
    return control._actor


def test_a_dyno_goes_to_the_best_host_that_has_a_free_slot(actor) -> None:
    actor.slots = {"a": {0: None}}
    place = actor.place(APP, "web", 1)
    assert isinstance(place, Place)
    assert (place.host, place.slot) == ("b", 0)
    assert place.why.startswith("host b (")
    assert place.why.endswith("; all slots of host a are taken")
    assert "comes before c (" in place.why


def test_a_dyno_waits_only_when_no_host_has_a_free_slot(actor) -> None:
    actor.slots = {"a": {0: None}, "b": {0: None}, "c": {0: None}}
    assert actor.place(APP, "web", 1) == "all slots of a, b, c are taken"


def test_a_dyno_that_could_not_be_made_for_days_is_still_tried_again(actor, monkeypatch) -> None:
    monkeypatch.setattr(actor._jobs, "delete", lambda *_: None)
    birth = Birth(uuid.UUID(int=2), APP.id, uuid.UUID(int=3), uuid.UUID(int=4), "web", 1, "basic", 0)
    key = (birth.release_id, "web", 1)
    actor.troubles[key] = Trouble("no space", 5000, now())
    actor._born(birth, "a", key, actor.of(birth.id), LxdError("no space"))
    assert actor.troubles[key].count == 5001
    assert 25 < (actor.troubles[key].until - now()).total_seconds() <= 30
