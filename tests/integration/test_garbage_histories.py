"""Histories of deploys, rollbacks, promotions and collections on a real PostgreSQL, and many of them at once."""

from __future__ import annotations

import random
import threading
import time
import uuid
from contextlib import suppress

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from sqlalchemy import select

from hokku import release as cut
from hokku.build import garbage
from hokku.errors import InvalidParams
from hokku.store import apps, phases, slugs
from hokku.store import garbage as rows
from hokku.store.engine import session
from hokku.store.tables import (
    App,
    ReleaseStatus,
    Slug,
    SlugContent,
)
from tests.integration.garbage_stand import (
    KEEP,
    NOTHING,
    check,
    collect,
    decide,
    deploy,
    eligible,
    file_of,
    files,
    kept,
    new_app,
    of,
    promote,
    roll_back,
)

pytestmark = pytest.mark.usefixtures("platform")


class Histories(RuleBasedStateMachine):
    """Deploys, rollbacks, promotions, changes of config vars and deletes with collections at any point."""

    @initialize()
    def begin(self) -> None:
        self.apps = [new_app(), new_app()]
        self.written: list[slugs.Stored] = []  # content whose slug comes later

    def _app(self, which: int) -> uuid.UUID:
        with session() as opened:
            if opened.get_one(App, self.apps[which]).archived_at is not None:
                self.apps[which] = new_app()
        return self.apps[which]

    @rule(
        which=st.integers(0, 1), content=st.integers(0, 4), status=st.sampled_from(ReleaseStatus), phase=st.booleans()
    )
    def deploy(self, which, content, status, phase) -> None:
        made = deploy(self._app(which), kept(bytes([content])), **({"release": "x"} if phase else {}))
        if not phase:
            decide(made, status)

    @rule(content=st.integers(0, 4))
    def write(self, content) -> None:
        self.written.append(kept(bytes([content])))

    @precondition(lambda self: self.written)
    @rule(which=st.integers(0, 1))
    def release_what_was_written(self, which) -> None:
        stored = self.written.pop()
        try:
            decide(deploy(self._app(which), stored))
        except slugs.Lost:
            assert files([stored]) == [False]

    @rule(which=st.integers(0, 1), choice=st.randoms())
    def roll_back(self, which, choice) -> None:
        app_id = self._app(which)
        if found := eligible(app_id):
            made = roll_back(app_id, choice.choice(found))
            decide(made)
            assert file_of(made)

    @rule(which=st.integers(0, 1), value=st.integers(0, 9))
    def configure(self, which, value) -> None:
        app_id = self._app(which)
        with session() as opened:
            cut.configure(opened, opened.get_one(App, app_id), {"A": str(value)}, None)

    @rule(which=st.integers(0, 1), choice=st.randoms())
    def promote(self, which, choice) -> None:
        source, target = self._app(which), self._app(1 - which)
        ran = [each for each in of(source) if each.status is ReleaseStatus.SUCCEEDED]
        found = [each.id for each in ran if each.id in eligible(source)]
        if found:
            with session() as opened:
                made = promote(opened, source, choice.choice(found), target)
            assert file_of(made.id)

    @rule(which=st.integers(0, 1), error=st.sampled_from((None, "It failed.")))
    def end_a_phase(self, which, error) -> None:
        with session() as opened:
            query = select(phases.Phase).where(phases.Phase.app_id == self.apps[which], phases.Phase.ended_at.is_(None))
            phase = opened.scalar(query.order_by(phases.Phase.version).limit(1))
            if phase is not None:
                phases.end(opened, phase.release_id, None, error)

    @rule(which=st.integers(0, 1))
    def delete(self, which) -> None:
        with session() as opened:
            apps.archive(opened, opened.get_one(App, self._app(which)))

    @rule(which=st.integers(0, 1))
    def give_up(self, which) -> None:
        garbage.settle(self.apps[which], KEEP)

    @rule(grace=st.sampled_from((NOTHING, rows.GRACE)))
    def remove(self, grace) -> None:
        garbage.remove(strays=True, grace=grace)

    @invariant()
    def all_is_there(self) -> None:
        check(getattr(self, "apps", []))


TestHistories = Histories.TestCase
TestHistories.settings = settings(
    max_examples=15, stateful_step_count=20, deadline=None, suppress_health_check=list(HealthCheck)
)


def test_nothing_is_lost_while_many_deploy_and_two_collect_at_once():
    made = [new_app() for _ in range(3)]
    until = time.monotonic() + 6
    broken: list[BaseException] = []
    counts = {"deploys": 0, "rollbacks": 0, "promotions": 0, "collections": 0}

    def working(work):
        def run():
            try:
                while time.monotonic() < until and not broken:
                    work()
            except BaseException as error:
                broken.append(error)

        return threading.Thread(target=run)

    def deploying():
        stored = kept(random.choice((b"a", b"b", b"c", uuid.uuid4().bytes)))
        with suppress(slugs.Lost):  # without grace that is right
            decide(deploy(random.choice(made), stored))
            counts["deploys"] += 1

    def rolling_back():
        app_id = random.choice(made)
        if found := eligible(app_id):
            with suppress(InvalidParams):  # given up meanwhile
                release_id = roll_back(app_id, random.choice(found))
                assert file_of(release_id)
                decide(release_id)
                counts["rollbacks"] += 1

    def promoting():
        source, target = random.sample(made, 2)
        if found := eligible(source):
            with suppress(InvalidParams):
                with session() as opened:
                    release_id = promote(opened, source, random.choice(found), target).id
                assert file_of(release_id)
                decide(release_id)
                counts["promotions"] += 1

    def collecting():
        garbage.settle(random.choice(made), KEEP)
        garbage.remove(strays=True, grace=NOTHING)
        counts["collections"] += 1

    threads = [working(work) for work in (deploying, deploying, rolling_back, promoting, collecting, collecting)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not broken, broken
    assert min(counts.values()) > 5, counts
    check(made)
    collect()
    check(made)
    for app_id in made:
        with session() as opened:
            query = select(Slug.sha256).where(Slug.app_id == app_id, Slug.deleted_at.is_(None))
            left = set(opened.scalars(query))
            on_disk = {sha256 for sha256 in opened.scalars(select(SlugContent.sha256)) if slugs.path(sha256).exists()}
        assert left <= on_disk
        assert len(left) <= 2 * KEEP + 2
