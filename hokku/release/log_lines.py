"""Lines that the platform itself writes to an app's log (`app[api]: …`), once what they tell is committed."""

from __future__ import annotations

import uuid

from sqlalchemy import event
from sqlalchemy.orm import Session

_LINES = "hokku_lines"


def announce(opened: Session, app_id: uuid.UUID, text: str) -> None:
    """Write `text` to the app's log when this transaction commits, and never when it does not."""
    opened.info.setdefault(_LINES, []).append((app_id, text))


def _write(app_id: uuid.UUID, text: str) -> None:
    from hokku.logplex.emit import emit  # here: the store must open without Redis

    emit(app_id, text)


@event.listens_for(Session, "after_commit")
def _tell(opened: Session) -> None:
    for app_id, text in opened.info.pop(_LINES, ()):
        _write(app_id, text)


@event.listens_for(Session, "after_rollback")
def _forget(opened: Session) -> None:
    opened.info.pop(_LINES, None)
