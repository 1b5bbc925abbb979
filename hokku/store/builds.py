"""Builds, their output, and who works on them. The table is the queue: see `hokku.build.worker` for why.

A build is waiting while it is PENDING without a `worker`, and under way while it is PENDING with one. A worker proves
that it lives by an advisory lock of its own (`hold`), which PostgreSQL drops when the worker's connection dies.
"""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Collection, Iterable
from datetime import datetime, timedelta

import psycopg
from sqlalchemy import Select, delete, exists, func, select, update
from sqlalchemy.orm import Session, aliased

from hokku.store import releases
from hokku.store.engine import BUILD, CANCEL, notify, try_lock
from hokku.store.outputs import Outputs
from hokku.store.tables import App, Build, BuildOutput, BuildStatus, Source, now

_CLAIM = 0x686F6B6C  # advisory lock: one claim at a time, so that an app never has two builds under way

_outputs = Outputs(BuildOutput, BuildOutput.build_id, BUILD)
append_output, output_after = _outputs.append, _outputs.after


def claim(opened: Session, worker: str) -> Build | None:
    """The longest waiting build of an app that has none under way, now `worker`'s; None when there is none."""
    opened.execute(select(func.pg_advisory_xact_lock(_CLAIM)))
    other = aliased(Build)
    under_way = exists().where(
        other.app_id == Build.app_id, other.status == BuildStatus.PENDING, other.worker.is_not(None)
    )
    waiting = select(Build).where(Build.status == BuildStatus.PENDING, Build.worker.is_(None), ~under_way)
    # one that is being cancelled at this moment is passed over: it has its verdict soon
    build = opened.scalar(waiting.order_by(Build.created_at).limit(1).with_for_update(of=Build, skip_locked=True))
    if build is not None:
        build.worker = worker
        source = opened.get(Source, build.source_id) if build.source_id else None
        if source is not None:
            build.timings = {"receive": round((build.created_at - source.created_at).total_seconds(), 3)}
    return build


def mine(opened: Session, build_id: uuid.UUID, worker: str) -> Build | None:
    """The build, locked, if it is still pending and still this worker's: whoever gets None must not touch it again."""
    query = select(Build).where(Build.id == build_id, Build.status == BuildStatus.PENDING, Build.worker == worker)
    return opened.scalar(query.with_for_update())


def lock(opened: Session, build_id: uuid.UUID) -> Build:
    """The build as it is now, which nobody else changes until the transaction ends."""
    query = select(Build).where(Build.id == build_id).with_for_update()
    return opened.scalars(query.execution_options(populate_existing=True)).one()


def cancel(opened: Session, build: Build, sentence: str) -> None:
    """End a locked build without a release: at once while it waits, else through the worker that has it."""
    build.cancelled = sentence
    if build.worker is None:
        append_output(opened, build.id, f" !     {sentence}\n")
        finish(opened, build, BuildStatus.FAILED, sentence)
    notify(opened, CANCEL, build.id)


def cancelled(opened: Session, worker: str) -> dict[uuid.UUID, str]:
    """The builds of this worker that somebody wants to end, with the sentence that ends them."""
    query = select(Build.id, Build.cancelled).where(
        Build.status == BuildStatus.PENDING,
        Build.worker == worker,
        Build.release_id.is_(None),
        Build.slug_id.is_(None),
        Build.cancelled.is_not(None),
    )
    return {build_id: sentence for build_id, sentence in opened.execute(query)}


def keep_timings(opened: Session, build: Build, seconds: dict[str, float]) -> None:
    """Add to the seconds by phase."""
    build.timings = dict(build.timings) | {phase: round(value, 3) for phase, value in seconds.items()}


def finish(opened: Session, build: Build, status: BuildStatus, error: str | None = None) -> None:
    """End the build: its status, why it failed, and the end of its output."""
    build.status, build.error, build.output_done = status, error, True
    notify(opened, BUILD, build.id)


def under_way(opened: Session) -> list[Build]:
    """Builds that some worker has."""
    return list(opened.scalars(select(Build).where(Build.status == BuildStatus.PENDING, Build.worker.is_not(None))))


def waiting(opened: Session) -> tuple[int, datetime | None]:
    """How many builds wait for a worker, and since when the oldest of them does.

    Those whose app has a build under way wait for that, and do not count.
    """
    other = aliased(Build)
    under_way = exists().where(
        other.app_id == Build.app_id, other.status == BuildStatus.PENDING, other.worker.is_not(None)
    )
    query = select(func.count(), func.min(Build.created_at))
    number, oldest = opened.execute(
        query.where(Build.status == BuildStatus.PENDING, Build.worker.is_(None), ~under_way)
    ).one()
    return number, oldest


def hold(connection: psycopg.Connection, worker: str) -> bool:
    """Take the lock that says `worker` lives, for as long as `connection` does; False when somebody else has it."""
    return try_lock(connection, _key(worker))


def release_hold(connection: psycopg.Connection, worker: str) -> None:
    """Give back the lock that `hold` took."""
    connection.execute("SELECT pg_advisory_unlock(%s)", (_key(worker),))


def _key(worker: str) -> int:
    return int.from_bytes(hashlib.sha256(worker.encode()).digest()[:8], signed=True)


_NEEDED = exists().where(Build.source_id == Source.id, Build.status == BuildStatus.PENDING)  # of a row of sources


def spent_sources(opened: Session, age: timedelta) -> list[uuid.UUID]:
    """Sources older than `age` that no pending build needs."""
    return list(opened.scalars(select(Source.id).where(Source.created_at < now() - age, ~_NEEDED)))


def is_needed(opened: Session, source_id: uuid.UUID) -> bool:
    """Whether a pending build needs the source."""
    return opened.scalar(select(Source.id).where(Source.id == source_id, _NEEDED)) is not None


def forget_sources(opened: Session, source_ids: Iterable[uuid.UUID]) -> None:
    """Delete the rows of sources."""
    opened.execute(delete(Source).where(Source.id.in_(list(source_ids))))


def living_apps(opened: Session) -> set[uuid.UUID]:
    """The ids of apps that were not deleted: repositories of others may go."""
    return set(opened.scalars(select(App.id).where(App.archived_at.is_(None))))


def stacks(opened: Session, app_ids: Collection[uuid.UUID]) -> set[tuple[uuid.UUID, str]]:
    """The stacks on which these apps' caches may be needed, as pairs of app and stack; none of deleted apps.

    They are the one of the next build, those of builds that wait or are under way, and the one of the release that is
    served: until there is one on another stack, the app may well go back.
    """
    living = dict(opened.execute(select(App.id, App.stack).where(App.id.in_(app_ids), App.archived_at.is_(None))).all())
    pending = select(Build.app_id, Build.stack).where(Build.app_id.in_(living), Build.status == BuildStatus.PENDING)
    served = {app_id: slug.stack for app_id, slug in releases.current_slugs(opened, living).items()}
    return {*living.items(), *served.items(), *((app_id, stack) for app_id, stack in opened.execute(pending))}


def trim_output(opened: Session) -> None:
    """Delete the output of builds that ended long ago, or that many others of their app came after."""
    _outputs.trim(opened, Build.id, Build.app_id, Build.updated_at, Build.status != BuildStatus.PENDING)


def give_back(opened: Session, worker: str) -> None:
    """Put the worker's builds that have made neither a release nor a slug back into the queue."""
    opened.execute(
        update(Build)
        .where(Build.status == BuildStatus.PENDING, Build.worker == worker)
        .where(Build.release_id.is_(None), Build.slug_id.is_(None))
        .values(worker=None)
    )
    notify(opened, BUILD, "")


def of_app(app_id: uuid.UUID) -> Select[tuple[Build]]:
    """The app's builds."""
    return select(Build).where(Build.app_id == app_id)
