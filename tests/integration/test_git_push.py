"""git push, with the real git, OpenSSH and API: what deploys, what is refused and how, and what streams."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
import socketserver
import subprocess
import tarfile
import threading
import time
import uuid
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import select

from hokku.settings import settings
from hokku.source import repository
from hokku.store import builds, sources
from hokku.store.engine import session
from hokku.store.tables import Build, BuildStatus, Event, Release, now
from tests.integration.git_stand import stand
from tests.integration.loopback import wait_for
from tests.integration.test_api_serving import self_signed

FILES = {"Procfile": "web: true\n"}
BOTH = pytest.mark.parametrize("via", ["ssh", "https"])


@pytest.fixture(scope="module")
def git(api, workdir):
    with stand(workdir, self_signed) as made:
        yield made
    shutil.rmtree(Path("/run") / f"hokku-test-{made.home.name}")


@pytest.fixture(autouse=True)
def fresh_script(git):
    git.script = None


@pytest.fixture
def app(git):
    name = f"app-{time.time_ns() % 10**12:x}"
    return git.app(name)


def say(build_id, text):
    with session() as opened:
        builds.append_output(opened, build_id, text)


@BOTH
def test_a_push_builds_the_commit_and_is_accepted(git, app, via):
    members = []

    def script(build_id):
        with session() as opened:
            source = sources.path(opened.get(Build, build_id).source_id)
        with tarfile.open(source) as archive:
            members.extend(archive.getnames())
        say(build_id, "-----> Python app detected\n")
        return BuildStatus.SUCCEEDED

    git.script = script
    where = git.repository(FILES | {"server.py": "x" * 100000})
    done = git.push(where, app, via)
    assert done.returncode == 0, done.stdout
    assert "remote: Compressing source files... done." in done.stdout
    assert "remote: Building source:" in done.stdout
    assert "remote: -----> Python app detected" in done.stdout
    assert sorted(members) == ["Procfile", "server.py"]
    head = git.git(where, "rev-parse", "HEAD").stdout.strip()
    assert git.built[-1] == head
    assert git.git(where, "ls-remote", git.remote(app, via)).stdout.split()[0] == head
    clone = git.home / f"clone-{app}"
    assert git.git(git.home, "clone", "-q", git.remote(app, via), str(clone)).returncode == 0
    assert (clone / "server.py").exists()


def test_the_source_says_which_commits_submodules_are_at(git, app):
    where = git.repository(
        FILES | {".gitmodules": '[submodule "x"]\npath = vendor/x\nurl = https://example.com/x.git\n'}
    )
    commit = git.git(where, "rev-parse", "HEAD").stdout.strip()
    git.git(where, "update-index", "--add", "--cacheinfo", f"160000,{commit},vendor/x")
    git.git(where, "-c", "user.name=T", "-c", "user.email=t@example.com", "commit", "-q", "-m", "A submodule")
    found = []

    def script(build_id):
        with session() as opened:
            source = sources.path(opened.get(Build, build_id).source_id)
        with tarfile.open(source) as archive:
            found.append(archive.extractfile(".hokku-submodules").read().decode())
        return BuildStatus.SUCCEEDED

    git.script = script
    done = git.push(where, app, "https")
    assert done.returncode == 0, done.stdout
    assert found == [f"{commit} vendor/x\n"]


@contextlib.contextmanager
def elsewhere(port):
    """A port whose connections arrive at `port` from 127.0.0.9, as those of a client elsewhere do."""

    class Relay(socketserver.BaseRequestHandler):
        def handle(self):
            with socket.create_connection(("127.0.0.1", port), source_address=("127.0.0.9", 0)) as there:
                back = threading.Thread(target=pump, args=(there, self.request))
                back.start()
                pump(self.request, there)
                back.join()

    def pump(source, target):
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                target.sendall(data)
        with contextlib.suppress(OSError):
            target.shutdown(socket.SHUT_WR)

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Relay) as server:
        threading.Thread(target=server.serve_forever).start()
        try:
            yield server.server_address[1]
        finally:
            server.shutdown()


@BOTH
def test_the_events_of_a_push_say_from_where_it_came(git, app, via):
    app_id = uuid.UUID(git.client.get(f"/apps/{app}").json()["id"])
    began = now()
    with elsewhere(git.ssh_port) as ssh, elsewhere(git.api_port) as api:
        away = replace(git, ssh_port=ssh, api_port=api)
        done = away.push(git.repository(FILES), app, via)
    assert done.returncode == 0, done.stdout
    with session() as opened:
        found = {event.action: event for event in opened.scalars(select(Event).where(Event.created_at >= began))}
    assert {"git-session.create", "source.create", "build.create"} <= found.keys()
    assert {event.address for event in found.values()} == {"127.0.0.9"}
    assert found["git-session.create"].app_id == found["build.create"].app_id == app_id


def test_only_a_push_may_say_from_where_it_comes(git, app):
    began = now()
    answer = git.client.patch(f"/apps/{app}", json={"maintenance": True}, headers={"X-Hokku-Push-From": "192.0.2.1"})
    assert answer.status_code == 200
    with session() as opened:
        events = opened.scalars(select(Event).where(Event.created_at >= began, Event.action == "app.maintenance"))
        assert [event.address for event in events] == ["127.0.0.1"]


@BOTH
def test_a_failed_build_rejects_the_push_and_the_same_commit_builds_again(git, app, via):
    git.script = lambda build_id: say(build_id, " !     Push rejected, failed.\n") or BuildStatus.FAILED
    where = git.repository(FILES)
    done = git.push(where, app, via)
    assert done.returncode != 0
    assert f"Push rejected to {app}." in done.stdout
    assert "pre-receive hook declined" in done.stdout
    assert git.git(where, "ls-remote", git.remote(app, via)).stdout == ""
    git.script = None
    assert git.push(where, app, via).returncode == 0


@BOTH
def test_lines_arrive_while_the_build_runs(git, app, via):
    seen = threading.Event()

    def script(build_id):
        say(build_id, "-----> the first line\n")
        return BuildStatus.SUCCEEDED if seen.wait(10) else BuildStatus.FAILED

    git.script = script
    where = git.repository(FILES)
    process = subprocess.Popen(
        ["git", "push", git.remote(app, via), "main"], cwd=where, env=git.environment(), text=True,
        stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
    )  # fmt: skip
    for line in process.stderr:
        if "the first line" in line:
            seen.set()
    assert process.wait(20) == 0


@BOTH
@pytest.mark.parametrize(
    ("refs", "sentence"),
    [
        (("main:feature",), "Pushed to 'feature': only main or master deploys, use `git push heroku feature:main`."),
        (("main", "v1"), "Pushed the tag 'v1': only the branches main and master deploy"),
        (("main", "main:master"), "push one of them"),
    ],
)  # fmt: skip
def test_what_is_not_main_is_refused_with_a_sentence(git, app, via, refs, sentence):
    where = git.repository(FILES)
    git.git(where, "tag", "v1")
    before = len(git.built)
    done = git.push(where, app, via, *refs)
    assert done.returncode != 0
    assert sentence in done.stdout
    assert len(git.built) == before
    assert git.git(where, "ls-remote", git.remote(app, via)).stdout == ""


def test_main_cannot_be_deleted(git, app):
    where = git.repository(FILES)
    assert git.push(where, app, "ssh").returncode == 0
    done = git.push(where, app, "ssh", ":main")
    assert done.returncode != 0
    assert "cannot be deleted" in done.stdout


@BOTH
@pytest.mark.parametrize("name", ["no-such-app-here", "x"])
def test_an_app_that_is_not_there_is_refused_by_name(git, via, name):
    done = git.push(git.repository(FILES), name, via)
    assert done.returncode != 0
    assert f"Couldn't find that app: {name}." in done.stdout


@BOTH
def test_somebody_elses_app_is_refused_as_one_that_is_not_there(git, app, via):
    owned = {"email": "other@example.com", "password": "another long password"}
    git.client.post("/accounts", json=owned)
    with session() as opened:
        from hokku.store import accounts

        other = accounts.by_email(opened, owned["email"]) or accounts.create(opened, **owned)
        _, token = accounts.authorize(opened, other.id)
    if via == "https":
        done = git.push(git.repository(FILES), app, via, token=token)
    else:
        public = (git.home / "stranger.pub").read_text()
        headers = {"Authorization": f"Bearer {token}"}
        key = git.client.post("/account/keys", json={"public_key": public}, headers=headers).json()
        done = git.push(git.repository(FILES), app, via, key=git.home / "stranger")
        git.client.delete(f"/account/keys/{key['id']}", headers=headers)
    assert done.returncode != 0
    assert f"Couldn't find that app: {app}." in done.stdout


def test_a_key_or_token_that_is_not_known_gets_nowhere(git, app):
    where = git.repository(FILES)
    assert "Permission denied (publickey)" in git.push(where, app, "ssh", key=git.home / "stranger").stdout
    done = git.push(where, app, "https", token="HOKKU-wrong")
    assert "Authentication failed" in done.stdout


@pytest.mark.parametrize(
    "command", ["", "bash", "git-receive-pack 'a'; id", "git-upload-pack '$(id)'", "scp -t /", "git-shell"]
)
def test_over_ssh_there_is_git_and_no_shell(git, command):
    ssh = git.environment()["GIT_SSH_COMMAND"].split()
    user = git.remote("x", "ssh").partition("@")[0]
    done = subprocess.run(
        [*ssh, f"{user}@127.0.0.1", *([command] if command else [])], env=git.environment(), text=True, check=False,
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=20,
    )  # fmt: skip
    assert done.returncode == 1, done.stdout
    assert done.stdout.startswith(" !     "), done.stdout
    assert "uid=" not in done.stdout


def test_a_second_push_during_a_build_gets_a_sentence(git, app):
    begun, go = threading.Event(), threading.Event()

    def script(build_id):
        begun.set()
        go.wait(20)
        return BuildStatus.SUCCEEDED

    git.script = script
    first = threading.Thread(target=git.push, args=(git.repository(FILES), app, "ssh"))
    first.start()
    assert begun.wait(20)
    second = git.push(git.repository({"Procfile": "web: false\n"}), app, "https")
    go.set()
    first.join()
    assert second.returncode != 0
    assert "Another push to this app is being built" in second.stdout


@BOTH
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL], ids=["Ctrl-C", "lost"])
def test_a_client_that_goes_away_cancels_its_silent_build_and_can_push_the_commit_again(git, app, via, number):
    begun = threading.Event()
    ended = []

    def script(build_id):
        say(build_id, "-----> nothing more is said for a long time\n")
        begun.set()

        def cancelled():
            with session() as opened:
                return opened.get_one(Build, build_id).cancelled

        wait_for("the build to be cancelled", cancelled, 20)
        ended.append(cancelled())
        return BuildStatus.FAILED

    git.script = script
    where = git.repository({"Procfile": f"web: {via}\n"})
    process = subprocess.Popen(
        ["git", "push", "-f", git.remote(app, via), "main"], cwd=where, env=git.environment(),
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True,
    )  # fmt: skip
    assert begun.wait(20)
    os.killpg(process.pid, number)
    process.wait()
    git.script = None
    done = git.push(where, app, via)  # at once: it waits for its turn
    assert done.returncode == 0, done.stdout
    assert ended == [
        "The build was cancelled by admin@example.com: its git push ended (Ctrl-C, or the connection was lost)."
    ]


def test_a_client_that_goes_away_when_the_release_is_made_ends_nothing(git, app):
    begun, go = threading.Event(), threading.Event()
    seen = []

    def script(build_id):
        with session() as opened:
            build = opened.get_one(Build, build_id)
            build.release_id = opened.scalars(select(Release).where(Release.app_id == build.app_id)).first().id
        say(build_id, "       Released v3\n")
        begun.set()
        assert go.wait(20)
        with session() as opened:
            seen.append(opened.get_one(Build, build_id).cancelled)
        return BuildStatus.SUCCEEDED

    git.script = script
    where = git.repository(FILES)
    process = subprocess.Popen(
        ["git", "push", git.remote(app, "https"), "main"], cwd=where, env=git.environment(),
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True,
    )  # fmt: skip
    assert begun.wait(20)
    before = len(git.built)
    os.killpg(process.pid, signal.SIGINT)
    process.wait()
    lock = settings().git_dir / f"{git.client.get(f'/apps/{app}').json()['id']}.git"

    def left():
        try:
            with repository.only_push(lock):
                return True
        except repository.Busy:
            return False

    wait_for("the hook to end", left, 20)
    go.set()
    wait_for("the build to end", lambda: len(git.built) > before, 20)
    assert seen == [None]


def test_a_large_push_streams_over_https(git, app):
    where = git.repository(FILES)
    (where / "blob").write_bytes(os.urandom(30_000_000))
    git.commit(where, {})
    done = git.push(where, app, "https")
    assert done.returncode == 0, done.stdout


def test_repositories_are_shared_by_their_group(git, app):
    assert git.push(git.repository(FILES), app, "ssh").returncode == 0
    app_id = git.client.get(f"/apps/{app}").json()["id"]
    where = settings().git_dir / f"{app_id}.git"
    assert where.stat().st_mode & 0o7777 == 0o2770
    assert all(path.stat().st_mode & 0o020 for path in where.rglob("*") if path.is_dir())


def test_the_builder_is_told_the_tree_that_was_pushed_unless_git_writes_the_commit_into_it(git, app):
    where, told = git.repository(FILES), []

    def content():
        with session() as opened:
            return opened.scalars(select(Build.content).where(Build.commit == git.built[-1])).one()

    for files in ({"VERSION": "1\n"}, {".gitattributes": "VERSION export-subst\n"}):
        git.commit(where, files)
        assert git.push(where, app, "https").returncode == 0
        told.append(content())
    tree = git.git(where, "rev-parse", "HEAD~1^{tree}").stdout.strip()
    assert told == [f"git tree {tree}", None]
