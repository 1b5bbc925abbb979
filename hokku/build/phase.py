"""A push and the release phase of its release: what the command says is told as it comes."""

from __future__ import annotations

import time
import uuid

from hokku.build.output import Output
from hokku.store import phases
from hokku.store.engine import session
from hokku.store.patience import insist
from hokku.store.phases import PhaseStatus

_LOOK = 0.2  # seconds between two looks at what the command said
_HEAD = "Running release command...\n\n"
_OPEN = (PhaseStatus.WAITING, PhaseStatus.RUNNING)


def follow(release_id: uuid.UUID, output: Output, told: str = "") -> str | None:
    """Why the phase of the release failed; None when it succeeded, and when there is none.

    `told`: the output of the build until now, when another builder began to tell it.
    """
    with session() as opened:
        if phases.of(opened, release_id) is None:
            return None
    _, begun, before = told.partition(_HEAD)
    output.say("" if begun else _HEAD)
    last, skip, ended_line = 0, len(before), True
    while True:
        last, text, status, error = insist(lambda seen=last: _look(release_id, seen))
        text, skip = text[skip:], max(0, skip - len(text))
        if text:
            output.say(text)
            ended_line = text.endswith("\n")
        if status not in _OPEN:
            break
        time.sleep(_LOOK)
    output.say("" if ended_line else "\n")
    output.say(f"Waiting for release.... {'done' if status is PhaseStatus.SUCCEEDED else 'failed'}.\n")
    if status is PhaseStatus.SUCCEEDED:
        return None
    output.bang("Push rejected, the release command failed. What served before still does.")
    return error or "the release command failed"


def _look(release_id: uuid.UUID, last: int) -> tuple[int, str, PhaseStatus, str | None]:
    """What came after chunk `last`, and how the phase is."""
    with session() as opened:
        found = phases.of(opened, release_id)  # first, so that nothing that was said before its end is missed
        if found is None:
            return last, "", PhaseStatus.FAILED, "The app was deleted."
        newest, text = phases.output_after(opened, release_id, last)
        return newest, text, found.status, found.error
