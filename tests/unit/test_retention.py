"""What may go of an app's slugs and releases, over thousands of histories with collections at any moment."""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from hokku.release import retention
from hokku.release.retention import HISTORY, UNRELEASED, ReleaseFacts, SlugFacts, decide
from hokku.store.tables import ReleaseStatus

PENDING, SUCCEEDED, FAILED = ReleaseStatus.PENDING, ReleaseStatus.SUCCEEDED, ReleaseStatus.FAILED
BEGAN = datetime(2026, 1, 1, tzinfo=UTC)


@dataclass
class Slug:
    content: int
    since: datetime
    kept: bool = True


@dataclass
class App:
    releases: list[ReleaseFacts] = field(default_factory=list)  # by version, those that are still listed
    slugs: dict[uuid.UUID, Slug] = field(default_factory=dict)
    made: int = 0
    archived: bool = False

    def add(self, content: int, moment: datetime) -> uuid.UUID:
        slug_id = uuid.uuid4()
        self.slugs[slug_id] = Slug(content, moment)
        return slug_id

    def release(self, slug_id: uuid.UUID | None, status: ReleaseStatus) -> None:
        self.made += 1
        self.releases.append(ReleaseFacts(uuid.uuid4(), self.made, slug_id, status))

    def eligible(self) -> list[ReleaseFacts]:
        """Oldest first: what the API says can be rolled back to."""
        return [
            each for each in self.releases
            if each.slug_id and each.status is not FAILED and self.slugs[each.slug_id].kept
        ]  # fmt: skip


class Platform:
    """What the database and the slug store do, without the database."""

    def __init__(self, keep: int) -> None:
        self.keep, self.moment = keep, BEGAN
        self.apps = [App(), App()]
        self.contents: set[int] = set()

    # what users and the manifold do; `a` and `b` choose

    def deploy(self, app: App, a: int, b: int) -> None:
        self.contents.add(a % 7)
        app.release(app.add(a % 7, self.moment), (PENDING, SUCCEEDED, SUCCEEDED, FAILED)[b % 4])

    def configure(self, app: App, a: int, b: int) -> None:
        base = next((each for each in reversed(app.releases) if each.status is not FAILED), None)
        app.release(base.slug_id if base else None, SUCCEEDED if b % 3 or base is None or not base.slug_id else PENDING)

    def roll_back(self, app: App, a: int, b: int) -> None:
        if eligible := app.eligible():
            app.release(eligible[a % len(eligible)].slug_id, SUCCEEDED if b % 2 else PENDING)

    def promote(self, app: App, a: int, b: int) -> None:
        ran = [each for each in app.eligible() if each.status is SUCCEEDED]
        other = self.apps[1 - self.apps.index(app)]
        if ran and not other.archived:
            content = app.slugs[ran[a % len(ran)].slug_id].content
            other.release(other.add(content, self.moment), SUCCEEDED if b % 2 else PENDING)

    def upload(self, app: App, a: int, b: int) -> None:
        self.contents.add(a % 7)
        app.add(a % 7, self.moment)

    def retry(self, app: App, a: int, b: int) -> None:
        kept = [slug_id for slug_id, slug in app.slugs.items() if slug.kept]
        if kept:
            app.release(kept[a % len(kept)], (SUCCEEDED, FAILED)[b % 2])

    def verdict(self, app: App, a: int, b: int) -> None:
        for number, each in enumerate(app.releases):
            if each.status is PENDING:
                app.releases[number] = replace(each, status=(SUCCEEDED, FAILED)[a % 2])
                return

    def work(self, app: App, a: int, b: int) -> None:
        """A dyno of a release is born or goes. A release whose slug is not kept gets no dyno."""
        if app.releases:
            number = a % len(app.releases)
            each = app.releases[number]
            if each.slug_id and app.slugs[each.slug_id].kept:
                app.releases[number] = replace(each, busy=not each.busy)

    def wait(self, app: App, a: int, b: int) -> None:
        self.moment += timedelta(days=a % 5)

    def delete(self, app: App, a: int, b: int) -> None:
        app.archived = b % 5 == 0

    # the collector, in its two steps

    def settle(self, app: App, a: int = 0, b: int = 0) -> None:
        facts = [SlugFacts(slug_id, slug.since) for slug_id, slug in app.slugs.items() if slug.kept]
        verdict = decide(app.releases, facts, retention=self.keep, archived=app.archived, moment=self.moment)
        for slug_id in verdict.slugs:
            app.slugs[slug_id].kept = False
        app.releases = [each for each in app.releases if each.id not in verdict.releases]

    def sweep(self, app: App | None = None, a: int = 0, b: int = 0) -> None:
        self.contents &= {slug.content for app in self.apps for slug in app.slugs.values() if slug.kept}

    # what must be true at every moment

    def check(self) -> None:
        for app in self.apps:
            kept = {slug_id for slug_id, slug in app.slugs.items() if slug.kept}
            assert {app.slugs[slug_id].content for slug_id in kept} <= self.contents
            with_slug = [each for each in app.releases if each.slug_id]
            assert all(each.slug_id in kept for each in with_slug if each.busy), "a dyno that runs"
            if app.archived:
                continue
            newest = [each for each in with_slug if each.status is not FAILED][-self.keep :]
            assert all(each in app.eligible() for each in newest), "the newest can be rolled back to"
            ran = [each for each in with_slug if each.status is SUCCEEDED][-2:]
            assert all(each.slug_id in kept for each in ran), "the one that serves, and the one before"
            assert all(each.slug_id in kept for each in with_slug if each.status is PENDING)
            assert all(each.slug_id in kept for each in with_slug[-self.keep :]), "what can be tried again"
            unreleased = app.slugs.keys() - {each.slug_id for each in with_slug}
            young = {slug_id for slug_id in unreleased if app.slugs[slug_id].since >= self.moment - UNRELEASED}
            assert young <= kept, "what was uploaded lately"

    def check_bounds(self) -> None:
        """Once garbage was collected, nothing is left that is not needed."""
        for app in self.apps:
            kept = {slug_id for slug_id, slug in app.slugs.items() if slug.kept}
            released = {each.slug_id for each in app.releases if each.slug_id}
            waiting = [each for each in app.releases if each.status is PENDING or each.busy]
            assert len(kept & released) <= (0 if app.archived else 2 * self.keep + 2) + len(waiting)
            for slug_id in kept - released:
                assert not app.archived
                assert app.slugs[slug_id].since >= self.moment - UNRELEASED
        assert self.contents == {slug.content for app in self.apps for slug in app.slugs.values() if slug.kept}


_OFTEN = (Platform.deploy, Platform.deploy, Platform.settle, Platform.sweep, Platform.configure, Platform.roll_back)
_SELDOM = (Platform.promote, Platform.upload, Platform.retry, Platform.verdict, Platform.work, Platform.wait)
_STEPS = (*_OFTEN, *_SELDOM, Platform.delete)
_HISTORIES = st.lists(
    st.tuples(st.sampled_from(_STEPS), st.integers(0, 1), st.integers(0, 20), st.integers(0, 20)), max_size=60
)


@settings(max_examples=3000, deadline=None)
@given(st.integers(1, 4), _HISTORIES)
def test_nothing_that_can_be_rolled_back_to_ever_goes_and_nothing_else_stays(keep, history):
    platform = Platform(keep)
    for step, which, a, b in history:
        app = platform.apps[which]
        if not app.archived or step in (Platform.settle, Platform.sweep, Platform.work, Platform.wait):
            step(platform, app, a, b)
        platform.check()
    for app in platform.apps:
        platform.settle(app)
    platform.sweep()
    platform.check()
    platform.check_bounds()


def test_two_hundred_deploys_leave_the_slugs_of_those_that_can_be_rolled_back_to():
    platform = Platform(50)
    app = platform.apps[0]
    for _ in range(200):
        app.release(app.add(0, platform.moment), SUCCEEDED)
        platform.settle(app)
    assert [each.version for each in app.eligible()] == list(range(151, 201))


def test_releases_beyond_the_history_are_listed_no_more_but_for_what_is_needed(monkeypatch):
    monkeypatch.setattr(retention, "HISTORY", 10)
    assert HISTORY == 1000
    app = App()
    for number in range(40):
        app.release(app.add(0, BEGAN), SUCCEEDED if number < 5 else FAILED)
    verdict = decide(app.releases, [], retention=3, archived=False, moment=BEGAN)
    left = [each.version for each in app.releases if each.id not in verdict.releases]
    assert left == [3, 4, 5, *range(31, 41)], "the last that ran can be rolled back to; then the newest ten"
