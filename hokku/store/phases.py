"""Release phases: the command `release:` of a release's Procfile, run once before the release may become the app's.

The table is the queue, as with builds. A release with a phase stays PENDING until its phase ended; phases of an app run
one after the other, in the order of its releases, and no later release is rolled out before an earlier phase ended.
"""

from __future__ import annotations

import enum
import uuid
from collections.abc import Callable, Collection
from datetime import datetime

from sqlalchemy import ColumnElement, ForeignKey, Identity, Index, exists, func, select, text, update
from sqlalchemy.orm import Mapped, Session, aliased, mapped_column

from hokku.errors import HokkuError
from hokku.store import rollouts
from hokku.store.engine import PHASE, RELEASE, WANTED, notify
from hokku.store.outputs import Outputs
from hokku.store.tables import App, Base, Release, ReleaseStatus, now

TYPE = "release"  # the process type whose command it is
_CLAIM = 0x686F6B70  # advisory lock: one claim at a time, so that an app never has two phases under way


class PhaseStatus(enum.StrEnum):
    WAITING = "waiting"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"


_OPEN = (PhaseStatus.WAITING, PhaseStatus.RUNNING)


class Phase(Base):
    """`worker` runs it (see builds), in the one-off dyno `oneoff_id`; `cancelled` is the sentence that ends it."""

    __tablename__ = "release_phases"
    __table_args__ = (
        Index("release_phases_open", "app_id", postgresql_where=text("status IN ('waiting', 'running')")),
    )
    release_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("releases.id", ondelete="CASCADE"), primary_key=True)
    app_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("apps.id", ondelete="CASCADE"))
    version: Mapped[int]
    status: Mapped[PhaseStatus] = mapped_column(default=PhaseStatus.WAITING)
    worker: Mapped[str | None]
    oneoff_id: Mapped[uuid.UUID | None]
    cancelled: Mapped[str | None]
    error: Mapped[str | None]
    created_at: Mapped[datetime] = mapped_column(default=now)
    started_at: Mapped[datetime | None]
    ended_at: Mapped[datetime | None]


class ReleaseOutput(Base):
    __tablename__ = "release_output"
    seq: Mapped[int] = mapped_column(Identity(), primary_key=True)
    release_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("releases.id", ondelete="CASCADE"), index=True)
    chunk: Mapped[str]


_outputs = Outputs(ReleaseOutput, ReleaseOutput.release_id, RELEASE)
append_output, output_after = _outputs.append, _outputs.after


def begin(opened: Session, release: Release) -> None:
    """Give a new release its phase."""
    opened.add(Phase(release_id=release.id, app_id=release.app_id, version=release.version))
    opened.flush()
    notify(opened, PHASE, release.id)


def of(opened: Session, release_id: uuid.UUID) -> Phase | None:
    """The phase of the release, if it has one."""
    return opened.get(Phase, release_id, populate_existing=True)


def among(opened: Session, release_ids: Collection[uuid.UUID]) -> set[uuid.UUID]:
    """Those of the releases that have a phase."""
    return set(opened.scalars(select(Phase.release_id).where(Phase.release_id.in_(release_ids))))


def held_from(opened: Session, app_id: uuid.UUID) -> int | None:
    """The version of the app's oldest release whose phase has not ended. It and later ones are not rolled out yet."""
    return opened.scalar(select(func.min(Phase.version)).where(Phase.app_id == app_id, Phase.status.in_(_OPEN)))


def held() -> ColumnElement[bool]:
    """Whether a release waits for its own phase, or that of an older one: for the statement that reads releases."""
    earlier = Phase.app_id == Release.app_id, Phase.version <= Release.version, Phase.status.in_(_OPEN)
    return select(Phase.release_id).where(*earlier).exists()


def claim(opened: Session, worker: str, ask: Callable[[Session, Phase], uuid.UUID]) -> Phase | None:
    """The longest waiting phase before which its app has none open, now `worker`'s; None when there is none.

    `ask` makes the wish for its one-off dyno in the same transaction, so that no phase runs twice; its id is kept. When
    it is refused (HokkuError), the phase fails with that sentence.
    """
    opened.execute(select(func.pg_advisory_xact_lock(_CLAIM)))
    other = aliased(Phase)
    earlier = exists().where(
        other.app_id == Phase.app_id, other.status.in_(_OPEN), other.version < Phase.version
    )  # fmt: skip
    waiting = select(Phase).where(Phase.status == PhaseStatus.WAITING, ~earlier)
    phase = opened.scalar(waiting.order_by(Phase.created_at).limit(1).with_for_update(of=Phase, skip_locked=True))
    if phase is not None:
        phase.status, phase.worker, phase.started_at = PhaseStatus.RUNNING, worker, now()
        opened.flush()
        try:
            phase.oneoff_id = ask(opened, phase)
        except HokkuError as refused:
            end(opened, phase.release_id, worker, refused.message)
            return None
        notify(opened, RELEASE, phase.release_id)
    return phase


def ask_again(
    opened: Session, release_id: uuid.UUID, worker: str, ask: Callable[[Session, Phase], uuid.UUID]
) -> uuid.UUID | None:
    """Another wish for the phase, as the dyno of the one it has was lost; None when `worker` is not to run it now."""
    query = select(Phase).join(App, App.id == Phase.app_id).with_for_update(of=Phase)
    wanted = Phase.status == PhaseStatus.RUNNING, Phase.worker == worker, Phase.cancelled.is_(None)
    phase = opened.scalar(query.where(Phase.release_id == release_id, *wanted, App.archived_at.is_(None)))
    if phase is None:
        return None
    phase.oneoff_id = ask(opened, phase)
    return phase.oneoff_id


def end(opened: Session, release_id: uuid.UUID, worker: str | None, error: str | None) -> bool:
    """Give the phase its verdict, if it is still this worker's (None: nobody's).

    One that failed fails its release, and its output ends with the reason.
    """
    which = (Phase.release_id == release_id, Phase.status.in_(_OPEN))
    theirs = Phase.worker.is_(None) if worker is None else Phase.worker == worker
    status = PhaseStatus.FAILED if error else PhaseStatus.SUCCEEDED
    values = update(Phase).where(*which, theirs).values(status=status, error=error, ended_at=now())
    app_id = opened.scalar(values.returning(Phase.app_id))
    if app_id is None:
        return False
    if error:
        append_output(opened, release_id, f"\n !     {error}\n")
        rollouts.decide(opened, release_id, ReleaseStatus.FAILED, error)
    notify(opened, RELEASE, release_id)
    notify(opened, PHASE, release_id)  # the app's next phase may begin
    notify(opened, WANTED, app_id)
    return True


def cancel(opened: Session, release_id: uuid.UUID, sentence: str) -> Phase | None:
    """End the phase: at once while it waits. One that runs is given back: its one-off dyno is to be stopped."""
    query = select(Phase).where(Phase.release_id == release_id, Phase.status.in_(_OPEN)).with_for_update()
    phase = opened.scalars(query.execution_options(populate_existing=True)).one_or_none()
    if phase is None:
        return None
    phase.cancelled = sentence
    if phase.status is PhaseStatus.WAITING:
        opened.flush()
        end(opened, release_id, None, sentence)
    return phase


def under_way(opened: Session) -> list[Phase]:
    """Phases that some worker has."""
    return list(opened.scalars(select(Phase).where(Phase.status == PhaseStatus.RUNNING)))


def drop_waiting_of_deleted_apps(opened: Session) -> None:
    """An app that was deleted runs nothing any more."""
    gone = select(App.id).where(App.archived_at.is_not(None))
    query = select(Phase.release_id).where(Phase.status == PhaseStatus.WAITING, Phase.app_id.in_(gone))
    for release_id in opened.scalars(query).all():
        end(opened, release_id, None, "The app was deleted.")


def trim_output(opened: Session) -> None:
    """Delete the output of phases that ended long ago, or that many others of their app came after."""
    _outputs.trim(opened, Phase.release_id, Phase.app_id, Phase.ended_at, Phase.ended_at.is_not(None))
