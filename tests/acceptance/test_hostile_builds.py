"""Hostile builds: each ends in a clear refusal or a capped failure, and nothing outside its container is touched."""

from __future__ import annotations

import gzip
import io
import os
import re
import signal
import subprocess
import tarfile
import time
from collections.abc import Callable, Iterator

import pytest
from buildpack_server import make, serve
from load import Load
from machines import listed, on
from platform_client import App, Platform, wait_for
from reach import PROBE
from sources import web

DISK = 1536  # MB: the lab's control_build_disk
HOLD = "echo '-----> it hangs'\nexec sleep 600"
PACKS = {
    "large": "dd if=/dev/zero of=$1/large bs=1M count=2048 status=none",
    "many": "for n in 1 2 3 4 5; do dd if=/dev/zero of=/tmp/many$n bs=1M count=512; sleep 1; done\nsleep 600",
    "bomb": "bomb() { bomb | bomb & }\nbomb\nsleep 600",
    "yes": "yes 'a line that never ends'",
    "hanging": HOLD,
    "links": 'rm -f "$1/Procfile"; ln -s /proc/self/environ "$1/Procfile"',
    "pipe": 'rm -f "$1/Procfile"; mkfifo "$1/Procfile"',
    "device": 'rm -f "$1/Procfile"; ln -s /dev/zero "$1/Procfile"',
}


@pytest.fixture(scope="module")
def packs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URL below which the buildpacks are."""
    directory = tmp_path_factory.mktemp("hostile")
    for name, text in PACKS.items():
        make(directory, name, {"detect": "echo Hostile", "compile": text})
    make(directory, "probe", {"detect": "echo Probe", "compile": f"python3 - <<'E'\n{PROBE}\nE"})
    with serve(directory) as url:
        yield url


@pytest.fixture(scope="module")
def neighbour(platform: Platform) -> Iterator[App]:
    """An app that serves meanwhile."""
    app = platform.create_app()
    app.deploy(web("neighbour"))
    yield app
    app.destroy()


def choose(app: App, *names: str) -> None:
    app.call("PUT", "/buildpack-installations", {"updates": [{"buildpack": name} for name in names]}, 200)


def containers_of_builds() -> list[str]:
    return [found["name"] for found in listed("dyno1", "list") if found["name"].startswith("b-")]


@pytest.mark.parametrize(
    ("pack", "words", "seconds"),
    [
        ("large", f"failed to compile|The build wrote more than {DISK} MB to its disk", 180),  # whichever comes first
        ("many", f"The build wrote more than {DISK} MB to its disk", 180),
        ("bomb", "Push rejected", 240),
        ("yes", "The build printed more than 300 MB", 300),
        ("links", "Push rejected, bad Procfile", 120),
        ("pipe", "Procfile is no file that can be read", 120),
        ("device", "Procfile is no file that can be read", 120),
    ],
)
def test_a_greedy_build_is_ended_with_a_reason_while_a_neighbour_serves(
    new_app: Callable[..., App], neighbour: App, packs: str, pack: str, words: str, seconds: int
) -> None:
    app = new_app()
    choose(app, f"{packs}/{pack}.tgz")
    with Load(neighbour, clients=1, pause=0.05) as load:
        pushed = app.push(app.repository(web()))
    assert not pushed.accepted
    assert re.search(words, pushed.output[-4000:]), pushed.output[-4000:]
    assert "DeprecationWarning" not in pushed.output
    assert "Push rejected" in pushed.output[-4000:]
    assert pushed.seconds < seconds
    assert load.sent > 10
    assert load.failed == []
    assert [release["version"] for release in app.call("GET", "/releases").json()] == [1, 2]
    wait_for("its container is gone", lambda: not containers_of_builds(), 60)


def source(*members: tarfile.TarInfo, zeros: int = 0) -> bytes:
    """A gzipped tarball of these members, and of a file of so many zeros, made without having them in memory twice."""
    into = io.BytesIO()
    with tarfile.open(fileobj=into, mode="w:gz", compresslevel=1) as tar:
        for member in members:
            tar.addfile(member, io.BytesIO(b"x" * member.size))
        if zeros:
            large = tarfile.TarInfo("large")
            large.size = zeros
            tar.addfile(large, _Zeros())
    return into.getvalue()


class _Zeros(io.RawIOBase):
    def read(self, size: int = -1) -> bytes:
        return bytes(max(size, 0))


def member(name: str, kind: bytes = tarfile.REGTYPE, link: str = "", size: int = 0) -> tarfile.TarInfo:
    made = tarfile.TarInfo(name)
    made.type, made.linkname, made.size, made.mode = kind, link, size, 0o755
    return made


def build(app: App, content: bytes) -> str:
    """All that a build of this source says."""
    blob = app.platform.call("POST", "/sources", status=201).json()["source_blob"]
    sent = app.platform.http.put(
        blob["put_url"], content=content, headers={"Authorization": "", "Content-Type": ""}, timeout=120
    )
    assert sent.status_code == 200, sent.text
    made = app.call("POST", "/builds", {"source_blob": {"url": blob["get_url"]}}, 201).json()
    path = f"/builds/{made['id']}"
    wait_for("the build ends", lambda: app.call("GET", path).json()["status"] != "pending", 240)
    assert app.call("GET", path).json()["status"] == "failed"
    return "".join(line["line"] for line in app.call("GET", f"{path}/result").json()["lines"])


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (lambda: source(member("../../etc/cron.d/owned", size=4)), "could not be unpacked"),
        (lambda: source(member("a/../../b", size=4)), "could not be unpacked"),
        (lambda: source(member("l", tarfile.SYMTYPE, "/etc"), member("l/owned", size=4)), "could not be unpacked"),
        (lambda: source(member("disk", tarfile.BLKTYPE)), "could not be unpacked"),
        (lambda: source(zeros=2 * 1024**3), "The source unpacks to more than 1024 MB"),
        (lambda: gzip.compress(b"no tar at all" * 100), "could not be unpacked"),
    ],
    ids=["dots", "dots within", "through a link", "device", "2 GB file", "no tar"],
)
def test_a_source_that_leads_out_or_is_too_large_is_refused(
    new_app: Callable[..., App], content: Callable[[], bytes], words: str
) -> None:
    assert words in build(new_app(), content())


def test_a_procfile_of_ten_thousand_lines_is_refused(new_app: Callable[..., App]) -> None:
    app = new_app()
    lines = "".join(f"t{n}: x\n" for n in range(10_000))
    pushed = app.push(app.repository({"Procfile": lines, "requirements.txt": ""}))
    assert not pushed.accepted
    assert "Push rejected, bad Procfile" in pushed.output, pushed.output
    assert len(pushed.output) < 5000


@pytest.mark.parametrize(
    "name", ["$(id)", "`id`", "a;id", "a|id", "a b", "../x", "--x=id", "a\nb", "'", '"', "a&b", "${IFS}"]
)
def test_names_with_shell_characters_are_refused_everywhere(new_app: Callable[..., App], name: str) -> None:
    app = new_app()
    asked = [
        app.platform.call("POST", "/apps", {"name": name}),
        app.platform.call("POST", "/apps", {"stack": name}),
        app.call("PATCH", "", {"name": name}),
        app.call("PATCH", "", {"build_stack": name}),
        app.call("PATCH", "/config-vars", {name: "x"}),
        app.call("PATCH", "/formation", {"updates": [{"type": name, "quantity": 1}]}),
        app.call("POST", "/domains", {"hostname": f"{name}.example.org", "sni_endpoint": None}),
        app.call("PUT", "/buildpack-installations", {"updates": [{"buildpack": name}]}),
        app.call("PUT", "/buildpack-installations", {"updates": [{"buildpack": f"https://example.com/b.git#{name}"}]}),
        app.call("POST", "/slugs", {"process_types": {name: "x"}}),
        app.call("POST", "/dynos", {"command": "true", "type": name}),
    ]
    for answer in asked:
        assert answer.status_code in (404, 422), (answer.request.url, answer.text)
        assert "uid=" not in answer.text
        assert answer.json()["message"]
    if "\n" not in name:
        pushed = app.push(app.repository({"Procfile": f"{name}: x\n", "requirements.txt": ""}))
        assert not pushed.accepted
        assert "uid=" not in pushed.output


def test_a_build_reaches_the_internet_and_nothing_of_the_platform(
    new_app: Callable[..., App], neighbour: App, packs: str
) -> None:
    """PyPI is reached by the second buildpack; the neighbour's dyno runs, so that there is something to reach."""
    app = new_app()
    choose(app, f"{packs}/probe.tgz", "heroku/python")
    pushed = app.push(app.repository(web("probed", **{"requirements.txt": "six\n"})))
    assert pushed.accepted, pushed.output
    assert "PROBED" in pushed.output
    assert "REACHED" not in pushed.output, pushed.output
    assert neighbour.get().status == 200


@pytest.mark.parametrize("via", ["https", "ssh"])
def test_ctrl_c_in_git_push_cancels_the_build_and_the_commit_can_be_pushed_again_at_once(
    new_app: Callable[..., App], packs: str, via: str
) -> None:
    app = new_app()
    choose(app, f"{packs}/hanging.tgz")
    repository = app.repository(web("again"))
    process = subprocess.Popen(
        ["git", "push", app.remote(via), "main"], cwd=repository, env=app.platform.git_environment(), text=True,
        stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, stdin=subprocess.DEVNULL, start_new_session=True,
    )  # fmt: skip
    try:
        assert any("it hangs" in line for line in process.stderr)
        began = time.monotonic()
        os.killpg(process.pid, signal.SIGINT)
    finally:
        process.wait(30)
    (made,) = app.call("GET", "/builds", status=200).json()
    path = f"/builds/{made['id']}"
    wait_for("the build ends", lambda: app.call("GET", path).json()["status"] == "failed", 30)
    assert time.monotonic() - began < 30
    said = "".join(line["line"] for line in app.call("GET", f"{path}/result").json()["lines"])
    assert "The build was cancelled by admin@example.com: its git push ended" in said, said
    wait_for("its container is gone", lambda: f"b-{made['id'].replace('-', '')[:12]}" not in containers_of_builds(), 30)
    choose(app)
    pushed = app.push(repository, via)
    assert pushed.accepted, pushed.output
    assert app.get().body.startswith("again ")


def test_no_build_wrote_outside_its_container(neighbour: App) -> None:
    """After all of the above: nothing called as the hostile sources wanted it is on a host."""
    for machine in ("control1", "dyno1", "dyno2", "dyno3"):
        assert on(machine, "find", "/etc/cron.d", "-name", "owned").strip() == ""
        on(machine, "test", "!", "-e", "/app")  # there is none on a host, only in containers
