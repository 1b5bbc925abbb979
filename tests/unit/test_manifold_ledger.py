"""What is kept of decisions for people who ask why."""

from __future__ import annotations

import uuid

import pytest

from hokku.manifold import ledger
from hokku.manifold.ledger import WAIT, Ledger
from hokku.store import decisions

APP = uuid.UUID(int=1)


@pytest.fixture
def kept(monkeypatch) -> list[decisions.Decision]:
    found: list[decisions.Decision] = []
    monkeypatch.setattr(decisions, "keep", lambda _, made: found.extend(made))
    return found


def test_a_reason_is_one_line_and_not_long(kept) -> None:
    told = Ledger()
    told.note(APP, "web", 1, "a", "fail", "it could\nnot be  made: " + "x" * 1000)
    told.note(APP, "web", 2, "a", "kill", "it does not boot.")
    told.write(None)
    assert [each.reason[:23] for each in kept] == ["It could not be made: x", "It does not boot."]
    assert len(kept[0].reason) <= ledger.LONGEST + 1


def test_what_is_tried_again_and_again_is_told_once_until_something_else_comes_of_it(kept) -> None:
    told = Ledger()

    def attempt(memory: int) -> None:
        told.note(APP, "web", 1, "a", "start", f"host a has {memory} MiB in use", same="")
        told.note(APP, "web", 1, "a", "fail", "it could not be made: no space")
        told.note(APP, "web", 1, "a", "forget", "it could not be made: no space")

    for memory in range(1000):
        attempt(memory)
    for _ in range(1000):
        told.note(APP, "web", 1, "a", "kill", "it does not boot")
    told.note(APP, "web", 1, "a", "crash", "it does not boot")
    attempt(1)
    told.note(APP, "web", 1, "a", "fail", "it could not be made: no memory")
    told.write(None)
    assert [each.decision for each in kept] == [
        "start", "fail", "forget", "kill", "crash", "start", "fail", "forget", "fail",
    ]  # fmt: skip


def test_what_a_place_waits_for_is_told_again_after_it_was_started(kept) -> None:
    told = Ledger()
    for _ in range(2):
        for _ in range(3):
            told.note(APP, "web", 1, None, WAIT, "no host can take it")
        told.note(APP, "web", 1, "a", "start", "host a is the only one", same="")
        told.note(APP, "web", 1, "a", "up", "its port was open")
    told.write(None)
    assert [each.decision for each in kept] == [WAIT, "start", "up"] * 2
