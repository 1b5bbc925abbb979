"""The image that an app's releases run on: decided once, kept, and changed when somebody says so."""

from __future__ import annotations

import uuid

import pytest

from hokku.errors import NotFound, Unavailable
from hokku.manifold import restack
from hokku.manifold.lxd import Image
from hokku.release import cut, promote
from hokku.store import releases, slugs, wanted
from hokku.store.engine import session
from hokku.store.tables import Account, App, Release, ReleaseStatus, Slug, now

pytestmark = pytest.mark.usefixtures("platform")


@pytest.fixture
def app() -> App:
    return made()


def made() -> App:
    with session() as opened:
        account = Account(email=f"{uuid.uuid4()}@example.org", password_hash="x")
        opened.add(account)
        opened.flush()
        app = App(name=f"a{uuid.uuid4().hex[:12]}", owner_id=account.id, stack="debian-13")
        opened.add(app)
        opened.flush()
        cut.first(opened, app, account.id)
        return app


def deploy(app: App) -> Release:
    stored = slugs.keep([b"slug"], 100)
    with session() as opened:
        slug = Slug(
            app_id=app.id, sha256=stored.sha256, size=stored.size, stack="debian-13", process_types={"web": "run"}
        )
        opened.add(slug)
        opened.flush()
        return cut.deploy(opened, opened.get_one(App, app.id), slug, app.owner_id)


def pinned(app: App, image: str) -> Release:
    """A release that runs on the image."""
    release = deploy(app)
    with session() as opened:
        releases.pin(opened, release.id, None, image)
        found = opened.get_one(Release, release.id)
        found.status = ReleaseStatus.SUCCEEDED
        return found


def image_of(release: Release) -> str | None:
    with session() as opened:
        return wanted.payload(opened, release.id).image


def test_the_first_template_decides_for_all_hosts(app: App) -> None:
    release = deploy(app)
    assert image_of(release) is None
    with session() as opened:
        assert releases.pin(opened, release.id, None, "one") == "one"
        assert releases.pin(opened, release.id, None, "two") == "one"
    assert image_of(release) == "one"


def test_an_image_that_is_gone_is_replaced_once(app: App) -> None:
    release = pinned(app, "gone")
    with session() as opened:
        assert releases.pin(opened, release.id, "gone", "newer") == "newer"
        assert releases.pin(opened, release.id, "gone", "other") == "newer"
        assert releases.pin(opened, uuid.uuid4(), "gone", "newer") is None


def test_config_vars_and_rollbacks_keep_the_image_and_a_deploy_takes_the_newest(app: App) -> None:
    first, second = pinned(app, "one"), pinned(app, "two")
    with session() as opened:
        cut.configure(opened, opened.get_one(App, app.id), {"A": "b"}, None)
        assert releases.newest(opened, app.id).image == "two"
        back = cut.rollback(opened, opened.get_one(App, app.id), opened.get_one(Release, first.id), None)
        assert (back.image, back.slug_id) == ("one", first.slug_id)
    assert deploy(app).image is None
    assert image_of(second) == "two"


def test_what_is_promoted_runs_on_the_image_it_was_tried_on(app: App) -> None:
    release, target = pinned(app, "one"), made()
    with session() as opened:
        got = promote(opened, opened.get_one(App, app.id), release, opened.get_one(App, target.id), None)
        assert got.image == "one"


def test_only_images_of_what_can_run_again_are_kept(app: App) -> None:
    mark = uuid.uuid4().hex
    for name in ("ran", "failed", "pruned"):
        release = pinned(app, f"{name}-{mark}")
        with session() as opened:
            if name == "failed":
                opened.get_one(Release, release.id).status = ReleaseStatus.FAILED
            if name == "pruned":
                opened.get_one(Slug, release.slug_id).sha256 = None
    with session() as opened:
        assert {image for image in releases.images(opened) if mark in image} == {f"ran-{mark}"}
        opened.get_one(App, app.id).archived_at = now()
        opened.flush()
        assert f"ran-{mark}" not in releases.images(opened)


NEWEST = [Image("newest", frozenset({"hokku/debian-13"})), Image("one")]


def test_apps_go_over_to_the_newest_image_when_the_operator_says_so(app: App, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(restack, "_images", lambda chosen: NEWEST)
    base = pinned(app, "one")
    assert [(done.app, done.version) for done in restack.roll([app.name])] == [(app.name, base.version + 1)]
    with session() as opened:
        got = releases.newest(opened, app.id)
        assert (got.image, got.slug_id, got.config_id) == (None, base.slug_id, base.config_id)
        assert got.description == "Stack image updated"
        assert got.status is ReleaseStatus.PENDING
    assert list(restack.roll([app.name])) == []  # it waits for its first template, which takes the newest
    with session() as opened:
        releases.pin(opened, got.id, None, "newest")
    assert list(restack.roll([app.name])) == []


def test_what_never_ran_or_runs_on_the_newest_image_stays_as_it_is(app: App, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(restack, "_images", lambda chosen: NEWEST)
    empty, other = made(), made()
    pinned(app, "one")
    pinned(other, "newest")
    assert [done.app for done in restack.roll([app.name, empty.name, other.name])] == [app.name]


def test_a_roll_that_cannot_be_is_explained(app: App, monkeypatch: pytest.MonkeyPatch) -> None:
    pinned(app, "one")
    monkeypatch.setattr(restack, "_images", lambda chosen: [Image("one")])
    with pytest.raises(Unavailable, match="hokku/debian-13 is not in the cluster"):
        list(restack.roll([app.name]))
    with pytest.raises(NotFound, match="no-such-app"):
        list(restack.roll([app.name, "no-such-app"]))


def test_the_three_stacks_are_offered_and_an_app_keeps_its_own(api) -> None:
    listed = {stack["name"]: stack["default"] for stack in api.get("/stacks").json()}
    assert listed == {"debian-12": False, "debian-13": True, "debian-14": False}
    app = api.post("/apps", json={}).json()
    assert app["build_stack"]["name"] == "debian-13"
    for name in ("debian-14", "debian-12"):
        changed = api.patch(f"/apps/{app['name']}", json={"build_stack": name})
        assert (changed.status_code, changed.json()["build_stack"]["name"]) == (200, name)
    refused = api.patch(f"/apps/{app['name']}", json={"build_stack": "debian-11"})
    assert refused.status_code == 422
    assert "debian-12, debian-13, debian-14" in refused.json()["message"]
    assert api.get(f"/apps/{app['name']}").json()["build_stack"]["name"] == "debian-12"
