"""Remembers which dyno had which place, so that not every line asks the database."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import datetime, timedelta

from sqlalchemy.exc import SQLAlchemyError

from hokku.store.places import CLOCK_SKEW, Place
from hokku.store.tables import now

_log = logging.getLogger(__name__)
_MOST_REMEMBERED = 50_000


class Places:
    """Asks `look` (host, slot, time → Place or None) and remembers while the answer cannot have changed.

    A dyno that was alive when we asked keeps its slot for at least `quarantine` more; half of that is trusted. While
    the database is away the old answer holds: without it no slot gets a new dyno either.
    """

    def __init__(self, look: Callable[[str, int, datetime], Place | None], quarantine: timedelta) -> None:
        self._look, self._trust = look, quarantine / 2
        self._known: dict[tuple[str, int], tuple[Place, datetime]] = {}

    def find(self, host: str, slot: int, at: datetime) -> Place | None:
        """The dyno that wrote a line at that place and time; raises SQLAlchemyError when that cannot be known now."""
        place, asked = self._known.get((host, slot), (None, at))
        if place is not None and place.since - CLOCK_SKEW <= at:
            sure_until = (place.until or asked) + (self._trust if place.until is None else CLOCK_SKEW)
            if at <= sure_until:
                return place
        try:
            found = self._look(host, slot, at)
        except SQLAlchemyError:
            if place is None or at < place.since - CLOCK_SKEW:
                raise
            _log.warning("the database is away: %s slot %d is taken for that of %s", host, slot, place.name)
            return place
        if found is not None:
            if len(self._known) >= _MOST_REMEMBERED:
                self._known.clear()
            if place is None or found.since >= place.since:
                self._known[host, slot] = found, now()
        return found
