"""Disks stay flat: two hundred deploys of one app leave no more than its newest releases need (promise 12)."""

from __future__ import annotations

import disks
from disks import Figures
from lab_fixtures import watched
from platform_client import App, Platform, wait_for

MIB_OF_A_RELEASE = 0.1  # of the database: rows of the release, the build, the slug, events and their indexes
MIB_OF_AN_OUTPUT = 0.1
ROLLBACKS = 5


def test_disks_stay_flat_and_what_can_be_rolled_back_to_is_all_there(platform: Platform) -> None:
    keep = disks.retention()
    app, repository = disks.app_of(platform)
    with watched(app):
        found = list(disks.deploy(app, repository))
        wait_for("all but the newest to be given up", lambda: len(eligible(app)) <= keep, 3 * disks.SWEEP, 2)
        wait_for(
            "the content of the others to be removed", lambda: len(disks.contents(app)) <= keep,
            disks.GRACE + 3 * disks.SWEEP, 5,
        )  # fmt: skip
        wait_for("templates that nothing needs to go", lambda: disks.settled(app), 120, 2)
        found.append(disks.measure(app, disks.DEPLOYS, found[-1].push_seconds if found else 0.0))
        print("\n" + "\n".join(disks.table(found)))
        check_bounds(found, keep, disks.largest(app))
        check_rollbacks(app, keep)
    if disks.APP is None:
        app.destroy()


def eligible(app: App) -> list[dict]:
    """The releases that the API says can be rolled back to, oldest first."""
    return [each for each in app.releases() if each["eligible_for_rollback"]]


def check_bounds(found: list[Figures], keep: int, largest: float) -> None:
    """`largest` of the app's slugs, in MiB."""
    first, last = found[0], found[-1]
    deploys = last.deploys - first.deploys
    assert last.slugs == min(keep, disks.DEPLOYS)
    assert last.slug_store - first.slug_store <= keep * largest + 1
    assert last.repository <= 32, "loose objects are packed from a thousand on"
    assert last.sources - first.sources <= 10, "a source goes with its build, and a cache takes the place of the last"
    assert last.database - first.database <= MIB_OF_A_RELEASE * deploys + MIB_OF_AN_OUTPUT * keep + 16
    assert (last.dynos, last.builds) == (1, 0)
    assert last.templates <= 3 * len(disks.DYNO_HOSTS), "of the current release, the one before, and a candidate"
    assert last.images == first.images
    assert last.pools - first.pools <= 100 * len(disks.DYNO_HOSTS), "at most two more templates on a host"
    assert last.members <= 200 * len(disks.DYNO_HOSTS), "LXD keeps some ten segments of 8 MiB and two snapshots"
    assert last.logs - first.logs <= 100 * len(disks.MACHINES)
    assert last.journals <= 210 * len(disks.MACHINES), "base_journal_size"


def check_rollbacks(app: App, keep: int) -> None:
    """All that is eligible has its whole content, and some of it is rolled back to and serves what it did."""
    found = eligible(app)
    newest = max(each["version"] for each in found)
    assert len(found) == min(keep, disks.DEPLOYS)
    assert min(each["version"] for each in found) == newest - len(found) + 1, "the newest, without a gap"
    for name in disks.contents(app):
        told = disks.on("control1", "sha256sum", f"/srv/hokku/slugs/{name}")
        assert told.split()[0] == name.removesuffix(".tar.zst")
    step = max(1, len(found) // ROLLBACKS)
    for number, each in enumerate(found[::step][:ROLLBACKS], start=1):
        made = app.call("POST", "/releases", {"release": each["id"]}, 201).json()
        wait_for(f"v{made['version']} serves", lambda made=made: app.release()["id"] == made["id"], 120)
        if disks.APP is None:
            mark = str(each["version"] - 2)  # the first deploy is v3
            wait_for(f"rollback {number} answers", lambda mark=mark: app.get().body.startswith(f"{mark} "), 30)
    if keep < disks.DEPLOYS:
        old = app.call("POST", "/releases", {"release": "v3"})
        assert (old.status_code, old.json()["id"]) == (422, "invalid_params"), old.text
        assert "no longer kept" in old.json()["message"]
