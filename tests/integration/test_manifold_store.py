"""What the manifold reads and writes, on a real PostgreSQL."""

from __future__ import annotations

import uuid
from datetime import timedelta

import pytest
from sqlalchemy import event

from hokku.release import cut
from hokku.store import configs, dynos, rollouts, routes, slugs, wanted
from hokku.store.engine import session
from hokku.store.tables import Account, App, Dyno, DynoState, Formation, Release, ReleaseStatus, Slug, now

pytestmark = pytest.mark.usefixtures("platform")


@pytest.fixture
def app() -> App:
    with session() as opened:
        account = Account(email=f"{uuid.uuid4()}@example.org", password_hash="x")
        opened.add(account)
        opened.flush()
        made = App(name=f"a{uuid.uuid4().hex[:12]}", owner_id=account.id, stack="debian-12")
        opened.add(made)
        opened.flush()
        cut.first(opened, made, account.id)
        return made


def deploy(app: App, **process_types: str) -> Release:
    with session() as opened:
        slugs.note(opened, "0" * 64)
        slug = Slug(
            app_id=app.id, sha256="0" * 64, size=1, stack="debian-12", process_types=process_types or {"web": "run"},
            default_config_sealed=configs.seal({"LANG": "C", "MODE": "slug"}), commit="c" * 40,
        )  # fmt: skip
        opened.add(slug)
        opened.flush()
        return cut.deploy(opened, opened.get_one(App, app.id), slug, app.owner_id)


def spec(app: App) -> wanted.AppSpec:
    with session() as opened:
        one = wanted.load(opened, "apps.test", [app.id])[app.id]
        assert wanted.load(opened, "apps.test")[app.id] == one
        return one


def dyno(app: App, release: Release, **values: object) -> Dyno:
    made = Dyno(
        app_id=app.id, release_id=release.id, type="web", number=1, size="basic", command="run", host="h", slot=7,
        address="10.99.1.8", instance=f"d-{uuid.uuid4().hex[:12]}",
    )  # fmt: skip
    for name, value in values.items():
        setattr(made, name, value)
    with session() as opened:
        dynos.add(opened, made)
    return made


def test_releases_are_told_apart_by_what_became_of_them(app: App) -> None:
    assert spec(app).candidate is None
    releases = [deploy(app) for _ in range(4)]
    found = spec(app)
    assert found.candidate is not None
    assert found.candidate.id == releases[3].id
    assert {pair[0] for pair in found.superseded} == {release.id for release in releases[:3]}
    with session() as opened:
        for release in releases:
            rollouts.decide(opened, release.id, ReleaseStatus.SUCCEEDED)
        rollouts.decide(opened, releases[0].id, ReleaseStatus.FAILED, "a verdict stays")
    found = spec(app)
    assert (found.current.id, found.previous.id) == (releases[3].id, releases[2].id)
    assert found.candidate is None
    assert found.superseded == ()
    assert found.formation["web"].quantity == 1
    assert found.hostnames == (f"{app.name}.apps.test",)


@pytest.mark.parametrize("statement", range(8))
def test_a_release_is_never_seen_without_its_formation(app: App, statement: int) -> None:
    """Wherever in a look it is made: without a formation it would want no dyno, and serve at once."""
    seen: list[int] = []

    def before(*_: object) -> None:
        seen.append(len(seen))
        if len(seen) == statement + 1:
            deploy(app, web="run")

    with session() as opened:
        connection = opened.connection()
        event.listen(connection, "before_cursor_execute", before)
        found = wanted.load(opened, "apps.test", [app.id])[app.id]
    assert found.candidate is None or found.formation["web"].quantity == 1
    later = spec(app)
    if statement < len(seen):
        assert later.candidate is not None
        assert later.formation["web"].quantity == 1


def test_config_vars_go_over_the_slugs_defaults(app: App) -> None:
    deploy(app)
    with session() as opened:
        cut.configure(opened, opened.get_one(App, app.id), {"MODE": "mine"}, None)
    release = spec(app).candidate
    with session() as opened:
        payload = wanted.payload(opened, release.id)
    assert payload.environment["MODE"] == "mine"
    assert payload.environment["LANG"] == "C"
    assert payload.environment["HEROKU_RELEASE_VERSION"] == f"v{release.version}"
    assert payload.commands == {"web": "run"}


def test_a_slot_counts_as_taken_until_its_last_dyno_stopped(app: App) -> None:
    release = deploy(app)
    host = f"h{uuid.uuid4().hex}"
    first, second = (dyno(app, release, host=host) for _ in range(2))
    with session() as opened:
        dynos.stopped(opened, first.id, "gone")
        assert dynos.slots(opened)[host] == {7: None}
        dynos.stopped(opened, second.id, "gone")
        assert dynos.slots(opened)[host][7] is not None
        assert [row.id for row, _ in dynos.live(opened, [app.id])] == []
        assert dynos.forget(opened, now() + timedelta(seconds=1)) >= 2
        assert host not in dynos.slots(opened)


def test_an_archived_app_is_seen_as_long_as_something_of_it_is_left(app: App) -> None:
    release = deploy(app)
    row = dyno(app, release)
    with session() as opened:
        routes.assign(opened, [app.id], [f"pool{number:03d}" for number in range(1, 200)])
        opened.get_one(App, app.id).archived_at = now()
    assert spec(app).archived_at is not None
    with session() as opened:
        dynos.stopped(opened, row.id, "gone")
        routes.release(opened, app.id)
        assert app.id not in wanted.load(opened, "apps.test")


def test_no_two_apps_get_one_backend(app: App) -> None:
    others = [uuid.uuid4() for _ in range(3)]
    with session() as opened:
        pool = [*sorted(set(routes.load(opened).values())), "pool900"]
        assert routes.assign(opened, [app.id], pool) == {app.id: "pool900"}
        assert routes.assign(opened, [app.id], pool) == {}
        assert routes.assign(opened, others, pool) == {}


def test_a_dynos_state_is_a_state_again_when_read(app: App) -> None:
    release = deploy(app)
    row = dyno(app, release, state=DynoState.UP)
    with session() as opened:
        ((found, version),) = dynos.live(opened, [app.id])
        assert (found.id, found.state, version) == (row.id, DynoState.UP, release.version)
        rollouts.write(opened, app.id, release.id, rollouts.ROLLING)
        rollouts.write(opened, app.id, release.id, rollouts.SERVING, None, {"place": 1.5})
        assert rollouts.load(opened, [app.id])[app.id].timings == {"place": 1.5}
        assert opened.get(Formation, (app.id, "web")) is not None
