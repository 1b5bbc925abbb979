"""What pushes and uploads leave behind is bounded: outputs, sources, slugs that wait, and repositories."""

from __future__ import annotations

import shlex
import shutil
import subprocess
import uuid
from datetime import timedelta
from urllib.parse import urlsplit

import pytest
from sqlalchemy import func, select

from hokku import release as cut
from hokku.build import cache, sweep
from hokku.settings import settings
from hokku.source import repository
from hokku.store import builds, outputs, slugs, sources
from hokku.store.engine import session
from hokku.store.tables import App, Build, BuildOutput, BuildStatus, Source, now
from hokku.webhooks.entities import happening
from tests.integration.garbage_stand import decide, kept, new_app
from tests.integration.loopback import wait_for
from tests.integration.test_api_access import person
from tests.integration.test_api_apps import fresh, refused


def test_an_app_keeps_the_newest_outputs_and_none_for_ever(api):
    app_id = uuid.UUID(fresh(api)["id"])
    made = []
    for number in range(outputs.MOST + 5):
        with session() as opened:
            build = Build(app_id=app_id, stack="debian-12", status=BuildStatus.FAILED)
            build.updated_at = now() - timedelta(hours=100 - number)
            opened.add(build)
            opened.flush()
            builds.append_output(opened, build.id, "said\n")
            made.append(build.id)
    with session() as opened:
        waits = Build(app_id=app_id, stack="debian-12", updated_at=now() - timedelta(days=40))
        opened.add(waits)
        opened.flush()
        builds.append_output(opened, waits.id, "said\n")
        opened.get_one(Build, made[-1]).updated_at = now() - outputs.KEPT - timedelta(hours=1)
    with session() as opened:
        builds.trim_output(opened)
        left = set(opened.scalars(select(BuildOutput.build_id).where(BuildOutput.build_id.in_([*made, waits.id]))))
        builds.finish(opened, opened.get_one(Build, waits.id), BuildStatus.FAILED, "left by a test")
    assert left == {waits.id, *made[4:-1]}


def test_an_account_has_so_many_sources_and_bytes_waiting_at_most(api, monkeypatch):
    headers = person(api, f"{uuid.uuid4()}@example.com")
    monkeypatch.setattr(sources, "MOST", 3)
    monkeypatch.setattr(sources, "MOST_BYTES", 1000)

    def new():
        return api.post("/sources", headers=headers)

    def put(made, size):
        path = urlsplit(made.json()["source_blob"]["put_url"]).path
        return api.put(path, content=b"x" * size, headers={"Authorization": ""})

    first, second = new(), new()
    assert put(first, 600).status_code == 200
    refused(put(second, 600), 422, "invalid_params", "build one first", "after a day")
    assert put(first, 900).status_code == 200, "it replaces what was there"
    assert put(second, 100).status_code == 200
    assert new().status_code == 201
    refused(new(), 422, "invalid_params", "You have 3 sources that were not built yet")
    with session() as opened:
        mine = select(Source.account_id).order_by(Source.created_at.desc()).limit(1).scalar_subquery()
        assert opened.scalar(select(func.sum(Source.size)).where(Source.account_id == mine)) == 1000
    assert list(settings().sources_dir.glob("*.part")) == []


def test_an_app_has_so_many_slugs_waiting_at_most(api):
    app = fresh(api)
    path = f"/apps/{app['name']}/slugs"
    codes = [api.post(path, json={"process_types": {"web": "x"}}).status_code for _ in range(21)]
    assert codes == [201] * 20 + [422]
    refused(api.post(path, json={"process_types": {}}), 422, "invalid_params", "has 20 slugs that were not released")


def test_releases_that_are_forgotten_are_told_to_no_webhook():
    row = {"id": "x", "status": "succeeded"}
    assert happening("releases", row, None, (row, None)) is None
    assert happening("builds", row, None, (row, None)) is None
    assert happening("domains", row, None, (row, None)).action == "destroy"


def test_repositories_that_a_killed_push_began_go_after_a_day(platform, monkeypatch):
    begun = settings().git_dir / ".new-abcdef"
    begun.mkdir()
    sweep._of_deleted_apps()
    assert begun.exists()
    monkeypatch.setattr(sweep, "_FILE_AGE", -1.0)
    sweep._of_deleted_apps()
    assert not begun.exists()


def test_a_cache_goes_once_its_stack_is_left_and_serves_nothing(platform):
    app_id = new_app()
    left = uuid.uuid4()  # an app that is no more

    def swept() -> set[str]:
        sweep._caches()
        return {path.name.removeprefix(f"{app_id}.") for path in cache.directory().glob(f"{app_id}.*")}

    def change(**values) -> None:
        with session() as opened:
            for name, value in values.items():
                setattr(opened.get_one(App, app_id), name, value)

    def serve(stack: str) -> None:
        with session() as opened:
            made = slugs.create(opened, app_id, kept(), stack=stack, process_types={"web": "x"})
            release_id = cut.deploy(opened, opened.get_one(App, app_id), made, None).id
        decide(release_id)

    cache.keep(left, "debian-12", [b"x"])
    (cache.directory() / f"{app_id}{cache.SUFFIX}").write_bytes(b"of before stacks")
    for stack in ("debian-12", "debian-13", "debian-14"):
        cache.keep(app_id, stack, [b"x"])
    change(stack="debian-13")
    serve("debian-12")
    assert swept() == {"debian-12.tar.zst", "debian-13.tar.zst"}, "the app may go back to what it serves"
    assert cache.find(left, "debian-12") is None
    with session() as opened:
        waits = Build(app_id=app_id, stack="debian-12")
        opened.add(waits)
        opened.flush()
    serve("debian-13")
    assert swept() == {"debian-12.tar.zst", "debian-13.tar.zst"}, "a build that was asked for before reads it"
    with session() as opened:
        builds.finish(opened, opened.get_one(Build, waits.id), BuildStatus.FAILED, "left by a test")
    assert swept() == {"debian-13.tar.zst"}
    change(archived_at=now())
    assert swept() == set()


@pytest.fixture
def pushed(tmp_path):
    """A function that pushes so many commits of 40 new files each into a repository as the git receiver has them."""
    receiver = repository.ensure(tmp_path, str(uuid.uuid4()))
    work = tmp_path / "work"
    hooks = tmp_path / "hooks"
    hooks.mkdir()
    given = repository.environment()
    key = next(name for name, value in given.items() if value == "core.hooksPath").replace("KEY", "VALUE")
    me = {"GIT_AUTHOR_NAME": "M", "GIT_AUTHOR_EMAIL": "m@example.com"}
    me |= {name.replace("AUTHOR", "COMMITTER"): value for name, value in me.items()}
    environment = given | me | {key: str(hooks)}

    def git(*argv, cwd=work):
        return subprocess.run(["git", *argv], cwd=cwd, env=environment, check=True, capture_output=True, text=True)

    door = tmp_path / "receive-pack"  # git takes its configuration out of the environment of a local receiver
    exports = "".join(f"export {name}={shlex.quote(value)}\n" for name, value in environment.items())
    door.write_text(f'#!/bin/sh\n{exports}exec git-receive-pack "$@"\n')
    door.chmod(0o755)
    work.mkdir()
    git("init", "-q", "-b", "main")

    def push(commits):
        for _ in range(commits):
            for number in range(40):
                (work / f"file{number}").write_text(uuid.uuid4().hex)
            git("add", "-A")
            git("commit", "-q", "-m", "Change")
            git("push", "-q", f"--receive-pack={door}", str(receiver), "main")

    def counted():
        lines = git("count-objects", "-v", cwd=receiver).stdout.splitlines()
        return {name: int(value) for name, value in (line.split(": ") for line in lines)}

    yield push, counted
    wait_for("git to have tidied up", lambda: not (receiver / "gc.pid").exists(), 60)
    shutil.rmtree(receiver)


def test_a_repository_that_is_pushed_to_again_and_again_is_packed(pushed):
    push, counted = pushed
    push(40)  # 1,680 objects

    def packed() -> bool:
        """git guesses the number of objects from one folder of 256, so it may take some more."""
        return counted()["count"] < 1000 or bool(push(5))

    wait_for("few loose objects", packed, 60)
    found = counted()
    assert found["packs"] >= 1
    assert found["count"] + found["in-pack"] >= 1680
