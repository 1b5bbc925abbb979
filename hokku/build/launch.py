"""From what was compiled to a slug, and to a release that serves: made with the app's config vars, then waited for."""

from __future__ import annotations

import enum
import time
import uuid
from dataclasses import dataclass, field

from sqlalchemy.orm import Session

from hokku import release
from hokku.build import setup
from hokku.build.compile import Compiled
from hokku.settings import Settings
from hokku.store import builds, phases, rollouts, slugs
from hokku.store.engine import session
from hokku.store.patience import insist
from hokku.store.tables import App, Build, Release, ReleaseStatus, Slug

_LOOK = 0.2  # seconds between two looks at the rollout
_MARGIN = 120.0  # seconds that a roll-over may take beside the boot of its dynos


class Gone(Exception):
    """The build is no longer this builder's, or its app was deleted."""


class Cancelled(Exception):
    """Somebody ended the build; the text says who."""


class Outcome(enum.Enum):
    """UNHEALTHY: it is the app's release, and does not serve. FAILED: the app is as it was. LATE: not known yet."""

    SERVES = "serves"
    UNHEALTHY = "unhealthy"
    FAILED = "failed"
    LATE = "late"


@dataclass(frozen=True)
class Verdict:
    """How the rollout ended, why, and seconds by phase: place, boot, routed."""

    outcome: Outcome
    reason: str = ""
    seconds: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Cut:
    """The release that was made; `has_phase`: its release command runs before it is rolled out."""

    release_id: uuid.UUID
    version: int
    has_phase: bool


_HELD = Verdict(Outcome.LATE, "an earlier release command runs")


def cut(build_id: uuid.UUID, worker: str, compiled: Compiled) -> Cut:
    """Make slug and release in one transaction, and note both in the build.

    Raises Gone or Cancelled.
    """
    return insist(lambda: _cut(build_id, worker, compiled))


def _cut(build_id: uuid.UUID, worker: str, compiled: Compiled) -> Cut:
    began = time.monotonic()
    with session() as opened:
        build, app = _mine(opened, build_id, worker)
        if build.release_id is not None:  # made, and the database left before it could say so
            return _made(opened, opened.get_one(Release, build.release_id))
        setup.before(opened, app, build, compiled.setup)
        slug = _slug(opened, build, compiled)
        made = release.deploy(opened, app, slug, build.account_id)
        setup.after(opened, app, compiled.setup)
        build.slug_id, build.release_id = slug.id, made.id
        builds.keep_timings(opened, build, {**compiled.seconds, "release": time.monotonic() - began})
        return _made(opened, made)


def _made(opened: Session, made: Release) -> Cut:
    return Cut(made.id, made.version, phases.of(opened, made.id) is not None)


def put_by(build_id: uuid.UUID, worker: str, compiled: Compiled) -> uuid.UUID:
    """Make the slug alone, note it in the build, and say which it is. Raises Gone or Cancelled."""
    return insist(lambda: _put_by(build_id, worker, compiled))


def _put_by(build_id: uuid.UUID, worker: str, compiled: Compiled) -> uuid.UUID:
    with session() as opened:
        build, _ = _mine(opened, build_id, worker)
        if build.slug_id is None:
            build.slug_id = _slug(opened, build, compiled).id
            builds.keep_timings(opened, build, compiled.seconds)
        return build.slug_id


def _mine(opened: Session, build_id: uuid.UUID, worker: str) -> tuple[Build, App]:
    """The build, locked, and its app; raises Gone or Cancelled."""
    build = builds.mine(opened, build_id, worker)
    app = opened.get(App, build.app_id) if build is not None else None
    if build is None or app is None or app.archived_at is not None:
        raise Gone("the app was deleted" if build is not None else "another builder has the build")
    if build.cancelled is not None:
        raise Cancelled(build.cancelled)
    return build, app


def _slug(opened: Session, build: Build, compiled: Compiled) -> Slug:
    return slugs.create(
        opened,
        build.app_id,
        compiled.stored,
        stack=build.stack,
        process_types=compiled.process_types,
        default_config=compiled.default_config,
        commit=build.commit,
        commit_description=build.version_description,
        buildpack=compiled.language,
        made_from=compiled.made_from,
    )


def wait(app_id: uuid.UUID, release_id: uuid.UUID, settings: Settings) -> Verdict:
    """Until the release serves or will not, or for as long as that may take once no earlier release holds it back."""
    patience = settings.boot_timeout + settings.drain_timeout + _MARGIN
    deadline = time.monotonic() + patience
    while time.monotonic() < deadline:
        verdict = insist(lambda: _look(app_id, release_id))
        if verdict is _HELD:
            deadline = time.monotonic() + patience
        elif verdict is not None:
            return verdict
        time.sleep(_LOOK)
    return Verdict(Outcome.LATE)


def _look(app_id: uuid.UUID, release_id: uuid.UUID) -> Verdict | None:
    """The verdict, None while there is none, or _HELD while the release command of an earlier release runs."""
    with session() as opened:
        found = opened.get(Release, release_id)
        rollout = rollouts.load(opened, [app_id]).get(app_id)
        held_from = phases.held_from(opened, app_id)
    if found is None:
        return Verdict(Outcome.FAILED, "the app was deleted")
    if found.status is ReleaseStatus.FAILED:
        return Verdict(Outcome.FAILED, found.error or "the platform gave no reason")
    if held_from is not None and found.version >= held_from:
        return _HELD
    if rollout is None:
        return None
    if rollout.release_id != release_id:
        newer = found.status is ReleaseStatus.SUCCEEDED
        return Verdict(Outcome.SERVES) if newer else None
    if rollout.state == rollouts.SERVING:
        return Verdict(Outcome.SERVES, seconds=dict(rollout.timings))
    if rollout.state == rollouts.FAILED:
        return Verdict(Outcome.UNHEALTHY, rollout.reason or found.error or "it crashed", dict(rollout.timings))
    return None
