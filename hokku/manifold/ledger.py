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
AGAIN = (WAIT, "start", "fail", "forget", "kill")  # decided on and on while something is broken
REMEMBERED = 10_000  # places; beyond, some are told again what they were told


class Ledger:
    """Used by the control loop's thread alone. What is decided of one place again and again is told once."""

    def __init__(self) -> None:
        self._made: list[Decision] = []
        self._told: dict[tuple[uuid.UUID, str, int], dict[str, tuple[str | None, str]]] = {}

    def note(
        self,
        app_id: uuid.UUID,
        kind: str,
        number: int,
        host: str | None,
        decision: str,
        reason: str,
        same: str | None = None,
    ) -> None:
        """Keep a decision about the app's dyno `kind`.`number`; `reason` is a sentence, with or without its end.

        One of AGAIN is left out when the last such was of that host and reason, and nothing else came of it since.
        `same`: what to compare instead of a reason that never is the same twice.
        """
        said = " ".join(reason.split())[:LONGEST].rstrip(".")
        said = said[:1].upper() + said[1:] + "."
        place = (app_id, kind, number)
        if decision not in AGAIN:
            self._told.pop(place, None)
        else:
            told, this = self._told.setdefault(place, {}), (host, said if same is None else same)
            if told.get(decision) == this:
                return
            if decision != WAIT:
                told.pop(WAIT, None)
            told[decision] = this
        self._made.append(Decision(app_id, kind, number, host, decision, said, now()))

    def write(self, opened: Session) -> None:
        """Write down what was collected."""
        made, self._made = self._made, []
        if len(self._told) > REMEMBERED:  # of apps that are gone, most of them
            self._told.clear()
        decisions.keep(opened, made)


def at(moment: datetime) -> str:
    """A time as a reason tells it."""
    return moment.strftime("%H:%M:%S UTC")
