"""Writing down how far a rollout is: what the builder and users wait for."""

from __future__ import annotations

import logging
import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import pairwise

from sqlalchemy.orm import Session

from hokku.logplex.emit import emit
from hokku.manifold.model import WEB, DynoView, Trouble
from hokku.manifold.rollout import Fail, Promote, Serving
from hokku.store import rollouts
from hokku.store.tables import ReleaseStatus, Rollout, now
from hokku.store.wanted import AppSpec

log = logging.getLogger(__name__)


@dataclass
class _Clock:
    """When a rollout came to its points; None: not yet, or before this process began."""

    release_id: uuid.UUID
    began: datetime
    reason: str | None = None


class Verdicts:
    """Remembers the rollouts under way; used by the control loop's thread alone."""

    def __init__(self) -> None:
        self._clocks: dict[uuid.UUID, _Clock] = {}

    def rolling(self, app_id: uuid.UUID) -> bool:
        """Whether a rollout of the app is under way."""
        return app_id in self._clocks

    def follow(self, opened: Session, app: AppSpec, note: Rollout | None) -> uuid.UUID | None:
        """The release whose rollout is under way, after a new candidate's is written down as begun."""
        clock = self._clocks.get(app.id)
        if app.candidate is not None:
            if clock is None or clock.release_id != app.candidate.id:
                self._clocks[app.id] = _Clock(app.candidate.id, now())
                rollouts.write(opened, app.id, app.candidate.id, rollouts.ROLLING)
            return app.candidate.id
        if clock is None and app.current and note and note.state == rollouts.ROLLING:
            if note.release_id == app.current.id:
                clock = self._clocks[app.id] = _Clock(app.current.id, note.updated_at)
            else:  # decided, but not written down to the end
                rollouts.write(opened, app.id, note.release_id, rollouts.FAILED, "superseded")
        return clock.release_id if clock else None

    def write(
        self, opened: Session, app: AppSpec, verdict: Promote | Fail | Serving, views: Iterable[DynoView]
    ) -> tuple[AppSpec, Rollout | None]:
        """Write the verdict down; returns the app as it is wanted now."""
        match verdict:
            case Promote(release, error):
                rollouts.decide(opened, release.id, ReleaseStatus.SUCCEEDED)
                log.info("app %s: v%d is current%s", app.name, release.version, f", though {error}" if error else "")
                if error:
                    self._clocks.pop(app.id, None)
                    rollouts.write(opened, app.id, release.id, rollouts.FAILED, error)
                app = replace(app, previous=app.current, current=release, candidate=None)
            case Fail(release_id, error):
                rollouts.decide(opened, release_id, ReleaseStatus.FAILED, error)
                log.info("app %s: release %s failed: %s", app.name, release_id, error)
                if app.candidate is not None and app.candidate.id == release_id:
                    emit(app.id, f"Release v{app.candidate.version} failed: {error}")
                    self._clocks.pop(app.id, None)
                    rollouts.write(opened, app.id, release_id, rollouts.FAILED, error)
                    app = replace(app, candidate=None)
                app = replace(app, superseded=tuple(pair for pair in app.superseded if pair[0] != release_id))
            case Serving(release):
                clock = self._clocks.pop(app.id, None)
                timings = _timings(clock, views, release.id) if clock else {}
                rollouts.write(opened, app.id, release.id, rollouts.SERVING, None, timings)
                log.info("app %s: v%d serves %s", app.name, release.version, timings)
        return app, None

    def explain(self, opened: Session, app: AppSpec, troubles: Mapping[tuple[uuid.UUID, str, int], Trouble]) -> None:
        """Say what a rollout waits for, if it is something that users or operators can change."""
        clock = self._clocks.get(app.id)
        if clock is None:
            return
        reasons = [each.reason for key, each in troubles.items() if key[0] == clock.release_id]
        reason = reasons[0] if reasons else None
        if reason != clock.reason:
            clock.reason = reason
            rollouts.explain(opened, app.id, reason)


def _timings(clock: _Clock, views: Iterable[DynoView], release_id: uuid.UUID) -> dict[str, float]:
    """Seconds: `place` until the last web dyno's process ran, `boot` until its port was open, `routed` until now."""
    web = [view for view in views if view.type == WEB and view.release_id == release_id]
    placed = max((view.running_since for view in web if view.running_since), default=clock.began)
    booted = max((view.up_since for view in web if view.up_since), default=placed)
    points = [clock.began, max(clock.began, placed), max(placed, booted), now()]
    spans = [max(0.0, (later - earlier).total_seconds()) for earlier, later in pairwise(points)]
    return dict(zip(("place", "boot", "routed"), (round(span, 3) for span in spans), strict=True))
