"""Garbage collection on a real PostgreSQL and a real slug store, in between whatever else happens.

`test_retention.py` has thousands of histories of the decision alone; here are transactions, locks and files.
"""

from __future__ import annotations

import threading
import uuid
from datetime import timedelta
from urllib.parse import urlsplit

import pytest
from sqlalchemy import func, select

from hokku.build import garbage
from hokku.errors import InvalidParams
from hokku.store import apps, phases, rollouts, slugs
from hokku.store import garbage as rows
from hokku.store.engine import session
from hokku.store.tables import (
    App,
    Build,
    BuildStatus,
    Config,
    Dyno,
    DynoState,
    Event,
    Release,
    ReleaseStatus,
    Slug,
    now,
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
    slug,
)
from tests.integration.loopback import wait_for
from tests.integration.test_api_apps import fresh, refused
from tests.integration.test_api_slugs import GOOD, put

pytestmark = pytest.mark.usefixtures("platform")
NOBODY = {"Authorization": ""}


def test_a_release_beyond_the_retention_says_so_and_the_others_stay(api):
    app = fresh(api)
    path, app_id = f"/apps/{app['name']}", uuid.UUID(app["id"])
    made = [kept() for _ in range(5)]
    for stored in made:
        decide(deploy(app_id, stored))
    collect()
    listed = api.get(f"{path}/releases").json()[2:]
    assert [each["eligible_for_rollback"] for each in listed] == [False, False, True, True, True]
    assert api.get(f"{path}/releases/3").json()["eligible_for_rollback"] is False
    assert files(made) == [False, False, True, True, True]
    told = api.post(f"{path}/releases", json={"release": "v3"})
    refused(told, 422, "invalid_params", "Cannot roll back to v3: its slug is too old and no longer kept.")
    again = api.post(f"{path}/releases", json={"slug": listed[0]["slug"]["id"]})
    refused(again, 422, "invalid_params", "its slug is too old and no longer kept.")
    shown = api.get(f"{path}/slugs/{listed[0]['slug']['id']}").json()
    assert shown["deleted_at"] is not None
    assert shown["checksum"] == f"SHA256:{made[0].sha256}"
    blob = api.get(urlsplit(shown["blob"]["url"]).path, headers=NOBODY)
    refused(blob, 410, "gone", "no longer kept")
    assert api.post(f"{path}/releases", json={"release": "v5"}).json()["version"] == 8
    newest = api.get(f"{path}/slugs/{listed[-1]['slug']['id']}").json()
    assert newest["deleted_at"] is None
    assert api.get(urlsplit(newest["blob"]["url"]).path, headers=NOBODY).status_code == 200


def test_an_upload_that_nobody_released_stays_a_week(api):
    app = fresh(api)
    path = f"/apps/{app['name']}/slugs"
    with_content, without = (api.post(path, json={"process_types": {"web": "x"}}).json() for _ in range(2))
    assert put(api, with_content, GOOD).status_code == 200

    def left():
        with session() as opened:
            return [opened.get(Slug, uuid.UUID(each["id"])) for each in (with_content, without)]

    collect()
    assert [each.deleted_at for each in left()] == [None, None]
    with session() as opened:
        for each in left():
            opened.get_one(Slug, each.id).updated_at = now() - timedelta(days=8)
    collect()
    refused(put(api, without, GOOD), 404, "not_found", "Couldn't find that slug.")
    collect()
    assert left() == [None, None], "no release tells of them"


def test_content_goes_with_the_last_slug_that_needs_it():
    first, second, shared = new_app(), new_app(), kept()
    for app_id in (first, second):
        decide(deploy(app_id, shared))
    for _ in range(KEEP):
        decide(deploy(first))
    collect()
    assert len(eligible(first)) == KEEP
    assert files([shared]) == [True], "the other app needs it"
    with session() as opened:
        apps.archive(opened, opened.get_one(App, second))
    collect()
    assert files([shared]) == [False]
    check([first, second])


def test_what_is_at_work_is_never_touched():
    app_id = new_app()
    waits, serves, runs = deploy(app_id, release="migrate"), deploy(app_id), deploy(app_id)
    decide(serves)
    with session() as opened:
        rollouts.decide(opened, runs, ReleaseStatus.FAILED, "it crashed")
        dyno = Dyno(
            app_id=app_id, release_id=runs, type="web", number=1, size="basic", command="run", host="h", slot=7,
            address="10.99.1.8", instance=f"d-{uuid.uuid4().hex[:12]}", state=DynoState.UP,
        )  # fmt: skip
        opened.add(dyno)
    for _ in range(5):
        decide(deploy(app_id), ReleaseStatus.FAILED)
    collect()
    assert [file_of(each) for each in (waits, serves, runs)] == [True, True, True]
    with session() as opened:
        phases.cancel(opened, waits, "Enough.")
        opened.get_one(Dyno, dyno.id).state = DynoState.STOPPED
    collect()
    assert [file_of(each) for each in (waits, serves, runs)] == [False, True, False]


def test_files_that_the_platform_did_not_write_are_left_alone(platform):
    foreign = slugs.path("f" * 64)
    foreign.write_bytes(b"whose?")
    collect()
    assert foreign.exists()
    foreign.unlink()


def test_content_that_was_written_lately_waits_for_its_slug_and_goes_without_one():
    stored = kept()
    collect(grace=rows.GRACE)
    assert files([stored]) == [True]
    collect()
    assert files([stored]) == [False]
    with session() as opened, pytest.raises(slugs.Lost, match="not in the store any more"):
        slug(opened, new_app(), stored)
    assert kept(b"again") == kept(b"again")


def test_a_promotion_under_way_keeps_the_content_that_its_source_gives_up():
    source, target, stored = new_app(), new_app(), kept()
    old = deploy(source, stored)
    decide(old)
    for _ in range(KEEP):
        decide(deploy(source))
    with session() as opened:
        made = promote(opened, source, old, target)
        garbage.settle(source, KEEP)
        garbage.remove(strays=True, grace=NOTHING)
        assert eligible(source)[0] == old, "it is left for the next time"
        assert files([stored]) == [True]
    collect()
    assert old not in eligible(source)
    assert eligible(target) == [made.id]
    assert file_of(made.id)
    with session() as opened, pytest.raises(InvalidParams, match="cannot be promoted"):
        promote(opened, source, old, target)


def test_content_that_a_slug_is_about_to_name_is_not_removed():
    first, second, stored = new_app(), new_app(), kept()
    decide(deploy(first, stored))
    with session() as opened:
        slug(opened, second, stored)  # not committed
        with session() as other:
            apps.archive(other, other.get_one(App, first))
        garbage.settle(first, KEEP)
        garbage.remove(strays=True, grace=NOTHING)
        assert files([stored]) == [True]
    collect()
    assert files([stored]) == [True]


def test_content_that_is_written_again_is_not_removed_under_the_hand():
    app_id, stored = new_app(), kept(b"twice")
    decide(deploy(app_id, stored))
    with session() as opened:
        apps.archive(opened, opened.get_one(App, app_id))
    garbage.settle(app_id, KEEP)
    began, go_on = threading.Event(), threading.Event()

    def remove(sha256: str) -> None:
        began.set()
        assert go_on.wait(20)
        slugs.path(sha256).unlink()

    def sweep() -> None:
        with session() as opened:
            assert rows.let_go(opened, stored.sha256, remove, NOTHING)

    sweeper = threading.Thread(target=sweep)
    sweeper.start()
    assert began.wait(20)
    again: list[slugs.Stored] = []
    writer = threading.Thread(target=lambda: again.append(kept(b"twice")))
    writer.start()
    wait_for("the writer to wait for the sweeper", lambda: _waiting() > 0, 20)
    go_on.set()
    sweeper.join()
    writer.join()
    assert again == [stored]
    assert files(again) == [True]
    deploy(new_app(), again[0])


def _waiting() -> int:
    with session() as opened:
        return opened.connection().exec_driver_sql("SELECT count(*) FROM pg_locks WHERE NOT granted").scalar_one()


def test_a_rollback_to_a_release_that_is_given_up_at_that_moment_is_refused():
    app_id = new_app()
    old = deploy(app_id)
    decide(old)
    for _ in range(KEEP):
        decide(deploy(app_id))
    told: list[BaseException] = []

    def try_it() -> None:
        try:
            roll_back(app_id, old)
        except InvalidParams as error:
            told.append(error)

    with session() as opened:
        app = apps.lock(opened, app_id)
        verdict = garbage.judge(opened, app, KEEP)
        thread = threading.Thread(target=try_it)
        thread.start()
        wait_for("the rollback to wait for the app", lambda: _waiting() > 0, 20)
        rows.give_up(opened, verdict.slugs)
    thread.join()
    assert "no longer kept" in str(told[0])
    check([app_id])


def test_only_apps_that_changed_are_looked_at_between_two_looks_at_everything():
    app_id = new_app()
    for _ in range(KEEP + 1):
        decide(deploy(app_id))
    with session() as opened:
        opened.get_one(App, app_id).released_at = now() - timedelta(hours=1)
    collect(since=now())
    assert len(eligible(app_id)) == KEEP + 1
    collector = garbage.Collector()
    collector.collect()  # the first time at everything, with the retention of the settings
    assert len(eligible(app_id)) == KEEP + 1
    collect()
    assert len(eligible(app_id)) == KEEP


def test_an_app_that_cannot_be_settled_keeps_no_other_from_its_turn(monkeypatch):
    bad, good = new_app(), new_app()
    for app_id in (bad, good):
        for _ in range(KEEP + 1):
            decide(deploy(app_id))
    settle = garbage.settle

    def broken(app_id, keep):
        if app_id == bad:
            raise ValueError("nobody thought of that")
        settle(app_id, keep)

    monkeypatch.setattr(garbage, "settle", broken)
    collect()
    assert (len(eligible(bad)), len(eligible(good))) == (KEEP + 1, KEEP)
    monkeypatch.undo()
    collect()
    assert len(eligible(bad)) == KEEP


def test_apps_that_were_deleted_long_ago_and_old_events_leave_no_rows():
    app_id, young = new_app(), new_app()
    for each in (app_id, young):
        decide(deploy(each, release="migrate"))
        with session() as opened:
            opened.add(Event(action="test.old", app_id=each, created_at=now() - timedelta(days=500)))
            opened.add(Event(action="test.young", app_id=each))
            opened.add(Build(app_id=each, stack="debian-12", status=BuildStatus.FAILED))
            apps.archive(opened, opened.get_one(App, each))
    for release in (*of(app_id), *of(young)):
        with session() as opened:
            phases.cancel(opened, release.id, "The app was deleted.")
    with session() as opened:
        opened.get_one(App, app_id).archived_at = now() - timedelta(days=31)
    with session() as opened:
        assert rows.purge_apps(opened, timedelta(days=30)) == 0, "its content is there"
    collect()
    with session() as opened:
        assert rows.purge_apps(opened, timedelta(days=30)) == 1
        assert rows.trim_events(opened, timedelta(days=365)) == 2
    with session() as opened:
        for table in (Release, Config, Slug, Build):
            assert opened.scalar(select(func.count()).select_from(table).where(table.app_id == app_id)) == 0
            assert opened.scalar(select(func.count()).select_from(table).where(table.app_id == young)) > 0
        assert set(opened.scalars(select(Event.action).where(Event.app_id == app_id))) == {"test.young"}
