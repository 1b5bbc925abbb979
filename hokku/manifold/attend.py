"""Carrying out what is decided of one-off dynos: beginning them, giving them up, closing them."""

from __future__ import annotations

import logging
import uuid
from collections.abc import Callable, Mapping, MutableMapping
from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from hokku.logplex.emit import emit
from hokku.manifold import template
from hokku.manifold.act import Actor
from hokku.manifold.hosts import Cluster
from hokku.manifold.jobs import Jobs
from hokku.manifold.lifecycle import Birth
from hokku.manifold.lxd import LxdError
from hokku.manifold.model import Ended, Presence
from hokku.manifold.oneoffs import R13, Begin, Complete, GiveUp
from hokku.manifold.track import Tracked
from hokku.store import oneoffs, terminals, wanted
from hokku.store.engine import ONEOFF, notify, session
from hokku.store.oneoffs import OneoffSpec
from hokku.store.tables import Dyno, DynoState, now
from hokku.store.wanted import AppSpec

log = logging.getLogger(__name__)

PAUSE = timedelta(seconds=0.4)  # before a wish that no host could take is looked at again
R99 = "Error R99 (Platform error) -> The dyno could not be started, and is not tried again"


class Attendant:
    """Owns what is remembered of wishes; used by the control loop's thread alone."""

    def __init__(self, actor: Actor, cluster: Cluster, work: Jobs, wake: Callable[[uuid.UUID], None]) -> None:
        self._actor = actor
        self._cluster = cluster
        self._jobs = work
        self._wake = wake
        self._paused: dict[uuid.UUID, datetime] = {}

    def paused(self) -> set[uuid.UUID]:
        """The wishes that no host could take a moment ago."""
        moment = now()
        self._paused = {key: until for key, until in self._paused.items() if until > moment}
        return set(self._paused)

    def do(
        self,
        opened: Session,
        app: AppSpec,
        action: Begin | GiveUp | Complete,
        rows: MutableMapping[uuid.UUID, tuple[Dyno, int]],
        after: list[Callable[[], None]],
    ) -> None:
        """Write the action down; what takes time goes into `after`."""
        match action:
            case Begin(wish):
                self._begin(opened, app, wish, rows, after)
            case GiveUp(wish, reason):
                log.info("%s of app %s: %s", wish.name, app.name, reason)
                self._actor.ledger.note(app.id, wish.type, wish.number, None, "give up", reason)
                if reason == R13 or not wish.claimed:
                    emit(app.id, reason if reason == R13 else R99, process=wish.name, source="heroku")
                self._end(opened, wish, None, reason)
            case Complete(wish, dyno, status, reason):
                row = rows.pop(dyno.id)[0]
                self._actor.ledger.note(app.id, wish.type, wish.number, row.host, "complete", reason)
                ran = row.state is not DynoState.STARTING or status is not None
                if not ran:
                    emit(app.id, R99, process=dyno.name, source="heroku")
                before = "starting" if row.state is DynoState.STARTING else "up"
                after_it = "complete" if ran and not dyno.lost else "down"
                emit(app.id, f"State changed from {before} to {after_it}", process=dyno.name, source="heroku")
                self._actor.close(dyno, row, reason)
                self._end(opened, wish, status, reason)

    def up(self, opened: Session, wish: OneoffSpec) -> None:
        """Its dyno is up: whoever wants to execute a command in it is told."""
        if wish.attachment is not None and not wish.attachment.connected:
            emit(wish.app_id, "Awaiting client", process=wish.name, source="heroku")
        notify(opened, ONEOFF, wish.id)

    def _end(self, opened: Session, wish: OneoffSpec, status: int | None, reason: str) -> None:
        self._paused.pop(wish.id, None)
        oneoffs.end(opened, wish.id, status, reason)
        if wish.attachment is not None:
            terminals.end_id(opened, wish.id)
        notify(opened, ONEOFF, wish.id)

    def _begin(
        self,
        opened: Session,
        app: AppSpec,
        wish: OneoffSpec,
        rows: MutableMapping[uuid.UUID, tuple[Dyno, int]],
        after: list[Callable[[], None]],
    ) -> None:
        place = self._actor.place(app, wish.type, wish.number)
        if isinstance(place, str):
            log.info("%s of app %s waits: %s", wish.name, app.name, place)
            self._actor.waits(app.id, wish.type, wish.number, place)
            self._paused[wish.id] = now() + PAUSE
            return
        if not oneoffs.claim(opened, wish.id):
            return
        host = place.host
        attached = wish.attachment is not None
        birth = Birth(
            wish.id, app.id, wish.release_id, wish.slug_id, wish.type, wish.number, wish.size, place.slot,
            oneoff=True, attached=attached,
        )  # fmt: skip
        known = self._actor.conceive(opened, birth, place, command="")
        rows[wish.id] = opened.get_one(Dyno, wish.id), wish.version
        order = None if attached else oneoffs.order(opened, wish.id)

        def files() -> Mapping[str, bytes]:
            if order is None:
                return {}
            with session() as reading:
                environment = wanted.payload(reading, wish.release_id).environment
            return {
                "/etc/hokku/dyno.env": template.entries({**environment, **order.env}),
                "/etc/hokku/commands": template.entries({wish.type: order.script}),
            }

        def begin() -> None:
            if order is not None:
                text = f"Starting process with command `{order.command}`"
                emit(app.id, text, process=wish.name, source="heroku")
            self._jobs.bear(host, birth, lambda _, error: self._born(birth, host, known, error), files)

        after.append(begin)

    def _born(self, birth: Birth, host: str, known: Tracked, error: LxdError | None) -> None:
        if birth.id not in self._actor.tracked:  # given up meanwhile: the sweep removes what was made
            self._cluster.look_now()
            return
        if error is None:
            known.running_since = now()
            known.finish(Presence.RUNNING)
        else:
            log.warning("%s could not be made on %s: %s", birth.instance, host, error)
            why = f"it could not be made, and is not tried again: {error}"
            self._actor.ledger.note(birth.app_id, birth.type, birth.number, host, "fail", why)
            known.ended = Ended(None, f"could not be started: {error}")
            known.finish(Presence.GONE)
            self._jobs.delete(host, birth.instance)
        self._wake(birth.app_id)
