"""What is decided of dynos, kept for people who ask why: collected while a pass decides, written down at its end."""

from __future__ import annotations

import uuid
from datetime import datetime

from sqlalchemy.orm import Session

from hokku.store import decisions
from hokku.store.decisions import Decision
from hokku.store.tables import now

WAIT = "wait"
LONGEST = 300  # characters of a reason
REMEMBERED = 10_000  # places that wait; beyond, some are told what they wait for again


class Ledger:
    """Used by the control loop's thread alone. What one place waits for is told once, not each time it is found."""

    def __init__(self) -> None:
        self._made: list[Decision] = []
        self._waits: dict[tuple[uuid.UUID, str, int], str] = {}

    def note(self, app_id: uuid.UUID, kind: str, number: int, host: str | None, decision: str, reason: str) -> None:
        """Keep a decision about the app's dyno `kind`.`number`; `reason` is a sentence, with or without its end."""
        place = (app_id, kind, number)
        if decision != WAIT:
            self._waits.pop(place, None)
        elif self._waits.get(place) == reason:
            return
        else:
            self._waits[place] = reason
        said = " ".join(reason.split())[:LONGEST].rstrip(".")
        said = said[:1].upper() + said[1:] + "."
        self._made.append(Decision(app_id, kind, number, host, decision, said, now()))

    def write(self, opened: Session) -> None:
        """Write down what was collected."""
        made, self._made = self._made, []
        if len(self._waits) > REMEMBERED:  # of apps that are gone, most of them
            self._waits.clear()
        decisions.keep(opened, made)


def at(moment: datetime) -> str:
    """A time as a reason tells it."""
    return moment.strftime("%H:%M:%S UTC")
