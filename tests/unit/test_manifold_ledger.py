"""What is kept of decisions for people who ask why."""

from __future__ import annotations

import uuid

import pytest

from hokku.manifold import ledger
from hokku.manifold.ledger import Ledger
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
