"""What of an app's releases and slugs is still needed. Pure: rows go in, and what may go comes out.

A slug whose content is kept is one that a release needs which may run, runs, or can be rolled back to, or one that was
uploaded lately and may be released yet. Everything else may go, and nothing else ever does.
"""

from __future__ import annotations

import uuid
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta

from hokku.store.tables import ReleaseStatus

UNRELEASED = timedelta(days=7)  # how long a slug that was made over the API may wait to be released
HISTORY = 1000  # releases of an app that stay listed, whether they can be rolled back to or not


@dataclass(frozen=True)
class ReleaseFacts:
    """`busy`: its release command, its rollout or a dyno of it is there."""

    id: uuid.UUID
    version: int
    slug_id: uuid.UUID | None
    status: ReleaseStatus
    busy: bool = False


@dataclass(frozen=True)
class SlugFacts:
    """A slug that is kept; `since` it is as it is."""

    id: uuid.UUID
    since: datetime


@dataclass(frozen=True)
class Verdict:
    """Slugs that nobody may release any more, and releases that are not listed any more."""

    slugs: frozenset[uuid.UUID]
    releases: frozenset[uuid.UUID]


def needed(releases: Collection[ReleaseFacts], retention: int, archived: bool) -> list[ReleaseFacts]:
    """The releases whose slug must stay.

    Those are: the `retention` newest that did not fail, as they can be rolled back to; what failed among the
    `retention` newest, as it can be tried again; what waits to be rolled out; the two that ran last, which the manifold
    goes back to; and whatever is at work, which is all that is left of a deleted app.
    """
    newest = sorted((each for each in releases if each.slug_id is not None), key=lambda each: -each.version)
    busy = [each for each in newest if each.busy]
    if archived:
        return busy
    ran = [each for each in newest if each.status is ReleaseStatus.SUCCEEDED]
    waiting = [each for each in newest if each.status is ReleaseStatus.PENDING]
    eligible = [each for each in newest if each.status is not ReleaseStatus.FAILED]
    return [*eligible[:retention], *newest[:retention], *waiting, *ran[:2], *busy]


def decide(
    releases: Collection[ReleaseFacts],
    slugs: Collection[SlugFacts],
    *,
    retention: int,
    archived: bool,
    moment: datetime,
) -> Verdict:
    """What of one app may go; `releases` are all of its, `slugs` those that are kept."""
    kept = needed(releases, retention, archived)
    in_use = {each.slug_id for each in kept}
    released = {each.slug_id for each in releases}
    gone = {
        each.id for each in slugs
        if each.id not in in_use and (archived or each.id in released or each.since < moment - UNRELEASED)
    }  # fmt: skip
    return Verdict(frozenset(gone), frozenset(_old(releases, kept)))


def _old(releases: Collection[ReleaseFacts], kept: Collection[ReleaseFacts]) -> set[uuid.UUID]:
    """The releases beyond the newest HISTORY, but for those that are needed and for what config vars are set on."""
    newest = sorted(releases, key=lambda each: -each.version)
    base = next((each.id for each in newest if each.status is not ReleaseStatus.FAILED), None)
    needed_ids = {each.id for each in kept} | {base}
    return {each.id for each in newest[HISTORY:] if each.id not in needed_ids and not each.busy}
