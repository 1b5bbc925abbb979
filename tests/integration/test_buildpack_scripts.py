"""What the build container runs: fetching buildpacks over git and http, and several of them one after the other."""

from __future__ import annotations

import contextlib
import functools
import http.server
import io
import os
import shutil
import subprocess
import tarfile
import threading
from pathlib import Path

import pytest

from hokku.build import buildpacks, bundle
from tests.integration.loopback import free_port, wait_for

SCRIPTS = Path(bundle.__file__).parent / "scripts"
PACK = {
    "bin/detect": '#!/bin/bash\n[ -f "$1/pack-one" ] || exit 1\necho One\n',
    "bin/compile": '#!/bin/bash\nset -e\necho "-----> one compiles with $(cat "$3/SECRET")"\necho built >"$1/by-one"\n'
    'echo \'export FROM_ONE="$UNSET_BEFORE yes"\' >"$(dirname "$0")/../export"\n',
    "bin/release": "#!/bin/bash\nprintf -- '---\\nconfig_vars:\\n  A: one\\n'\n",
}


def write(where: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        (where / name).parent.mkdir(parents=True, exist_ok=True)
        (where / name).write_text(text)
    return where


def git(where: Path, *words: str) -> str:
    env = os.environ | {"GIT_CONFIG_GLOBAL": "/dev/null", "GIT_CONFIG_NOSYSTEM": "1"}
    identity = ["-c", "user.name=T", "-c", "user.email=t@example.com"]
    return subprocess.run(
        ["git", *identity, *words], cwd=where, env=env, check=True, text=True, capture_output=True
    ).stdout.strip()


@pytest.fixture(scope="module")
def origin(tmp_path_factory):
    """A directory with a buildpack as a bare repository and as tarballs; two commits, the first one tagged."""
    root = tmp_path_factory.mktemp("origin")
    tree = write(root / "tree", PACK)
    for name in PACK:
        (tree / name).chmod(0o755)
    git(tree, "init", "-q", "-b", "main")
    git(tree, "add", "-A")
    git(tree, "commit", "-q", "-m", "One")
    git(tree, "tag", "v1")
    write(tree, {"newer": "yes"})
    git(tree, "add", "-A")
    git(tree, "commit", "-q", "-m", "Two")
    git(root, "clone", "-q", "--bare", str(tree), "pack.git")
    git(root / "pack.git", "update-server-info")
    git(tree, "archive", "--format=tar.gz", "-o", str(root / "flat.tgz"), "v1")
    git(tree, "archive", "--format=tar.gz", "--prefix=pack-1/", "-o", str(root / "nested.tar.gz"), "v1")
    (root / "broken.tgz").write_bytes(b"no tarball at all")
    with tarfile.open(root / "empty.tgz", "w:gz") as tar:
        tar.addfile(tarfile.TarInfo("README"))
    return root


class Quiet(http.server.SimpleHTTPRequestHandler):
    """Files only; what asks for a password gets nothing."""

    def do_GET(self):
        if self.path.startswith("/private/"):
            self.send_response(401)
            self.send_header("WWW-Authenticate", "Basic")
            self.end_headers()
            return
        super().do_GET()

    def log_message(self, *words):
        pass


@pytest.fixture(scope="module")
def web(origin):
    """The directory over http: to git a server that cannot leave out the history."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=origin))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    server.server_close()


@pytest.fixture(scope="module")
def daemon(origin):
    """The directory over git's own protocol."""
    port = free_port()
    argv = ["git", "daemon", "--export-all", f"--base-path={origin}", "--listen=127.0.0.1", f"--port={port}"]
    process = subprocess.Popen([*argv, str(origin)], stderr=subprocess.DEVNULL, start_new_session=True)
    url = f"git://127.0.0.1:{port}/pack.git"
    try:
        wait_for(
            "git daemon answers",
            lambda: subprocess.run(["git", "ls-remote", url], capture_output=True, check=False).returncode == 0,
            20,
        )
        yield url
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, 15)
        process.wait(10)


class Container:
    """The files of a build container in a directory, and its steps."""

    def __init__(self, home: Path, packs: list[buildpacks.Buildpack], files: dict[str, str]) -> None:
        self.work, self.app = home / "work", home / "app"
        self.work.mkdir()
        self.app.mkdir()
        source = io.BytesIO()
        with tarfile.open(fileobj=source, mode="w:gz") as tar:
            for name, text in files.items():
                member = tarfile.TarInfo(name)
                member.size = len(text)
                tar.addfile(member, io.BytesIO(text.encode()))
        (home / "source").write_bytes(source.getvalue())
        into = io.BytesIO()
        secret = {"SECRET": "a secret"}
        bundle.write(into, source=home / "source", cache=None, config_vars=secret, buildpacks=packs)
        into.seek(0)
        with tarfile.open(fileobj=into) as tar:
            tar.extractall(self.work)
        assert self.step("prepare", str(1024**3))[0] == 0

    def step(self, *words: str, **more: str) -> tuple[int, str]:
        """Exit status and output of one step."""
        env = {"PATH": "/usr/local/bin:/usr/bin:/bin", "HOME": str(self.work), "LANG": "C.UTF-8"}
        done = subprocess.run(
            [self.work / "build", *words], env=env | {"HOKKU_BUILD_APP": str(self.app)} | more, text=True, check=False,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL, timeout=60,
        )  # fmt: skip
        return done.returncode, done.stdout

    def fetch(self, pack: buildpacks.Buildpack, number: int = 0, **more: str) -> tuple[int, str]:
        return self.step("fetch", str(number), "tarball" if pack.tarball else "git", **more)


@pytest.fixture
def container(tmp_path):
    def make(*names: str, **files: str) -> tuple[Container, list[buildpacks.Buildpack]]:
        packs = buildpacks.chosen(names)
        return Container(tmp_path, packs, files or {"pack-one": ""}), packs

    return make


@pytest.mark.parametrize(
    ("rest", "newer"),
    [("/pack.git", True), ("/pack.git#main", True), ("/pack.git#v1", False), ("/flat.tgz", False),
     ("/nested.tar.gz", False)],
)  # fmt: skip
def test_a_buildpack_is_fetched_over_http(container, web, rest, newer):
    made, (pack,) = container(web + rest)
    status, said = made.fetch(pack)
    assert (status, said) == (0, "")
    assert (made.work / "packs/0/newer").exists() is newer
    assert os.access(made.work / "packs/0/bin/compile", os.X_OK)


@pytest.mark.parametrize("ref", ["", "#v1", "#main", "COMMIT", "SHORT"])
def test_a_buildpack_is_fetched_over_git(container, origin, daemon, ref):
    commit = git(origin / "tree", "rev-parse", "v1")
    url = daemon + {"COMMIT": f"#{commit}", "SHORT": f"#{commit[:8]}"}.get(ref, ref)
    made, (pack,) = container(url)
    assert made.fetch(pack) == (0, "")
    assert (made.work / "packs/0/newer").exists() is (ref in ("", "#main"))


@pytest.mark.parametrize(
    ("rest", "words"),
    [
        ("/pack.git#v9", "has no branch, tag or commit v9"),
        ("/nothing.git", "could not be fetched"),
        ("/nothing.tgz", "could not be fetched"),
        ("/private/pack.git", "may be read without a password"),
        ("/broken.tgz", "not a gzipped tarball"),
        ("/empty.tgz", "has no bin/detect: it is not a buildpack"),
    ],
)
def test_what_cannot_be_had_is_refused_with_the_reason(container, web, rest, words):
    made, (pack,) = container(web + rest)
    status, said = made.fetch(pack)
    assert status == 1
    assert f" !     The buildpack {pack.name}" in said
    assert words in said, said


def test_a_host_that_does_not_answer_is_not_waited_for_long(container):
    made, (pack,) = container(f"http://127.0.0.1:{free_port()}/x.git")
    status, said = made.fetch(pack, HOKKU_FETCH_LIMIT="5")
    assert status == 1
    assert "could not be fetched" in said


@pytest.mark.parametrize("rest", ["/private/pack.git", "/nothing.git#x", "/nothing.tgz", "/broken.tgz"])
def test_no_password_of_a_url_is_told(container, web, rest):
    made, (pack,) = container(web.replace("//", "//someone:hunter2@") + rest)
    status, said = made.fetch(pack)
    assert status == 1
    assert "hunter2" not in said
    assert "someone" not in said, said


def hostile(*members: tuple[str, bytes, str]) -> bytes:
    """A tarball of (name, type, link)."""
    into = io.BytesIO()
    with tarfile.open(fileobj=into, mode="w:gz") as tar:
        for name, kind, link in members:
            member = tarfile.TarInfo(name)
            member.type, member.linkname, member.mode = kind, link, 0o755
            tar.addfile(member)
    return into.getvalue()


FILE, LINK, HARD, DIR = tarfile.REGTYPE, tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.DIRTYPE


@pytest.mark.parametrize(
    "members",
    [
        [("../outside", FILE, "")],
        [("/outside", FILE, "")],
        [("a/../../outside", FILE, "")],
        [("bin", LINK, "/usr")],
        [("bin/x", LINK, "../../outside")],
        [("x", HARD, "../outside")],
        [("d/e", DIR, ""), ("d/e/l", LINK, "../.."), ("d/e/l/m", LINK, "../../x")],
        [("l", LINK, "d"), ("l/x", FILE, "")],
        [("pipe", tarfile.FIFOTYPE, "")],
        [("disk", tarfile.BLKTYPE, "")],
    ],
)
def test_nothing_of_a_tarball_leads_out_of_its_directory(tmp_path, members):
    (tmp_path / "t.tgz").write_bytes(hostile(*members))
    argv = [SCRIPTS / "unpack", tmp_path / "t.tgz", tmp_path / "in" / "to"]
    (tmp_path / "in").mkdir()
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stdout, "the reason"
    assert {path.name for path in tmp_path.rglob("*")} <= {"t.tgz", "in", "to", "d", "e", "l"}


def test_links_inside_a_tarball_are_kept(tmp_path):
    members = [("lib", DIR, ""), ("lib/x", FILE, ""), ("bin/y", LINK, "../lib/x"), ("z", HARD, "lib/x")]
    (tmp_path / "t.tgz").write_bytes(hostile(*members))
    subprocess.run([SCRIPTS / "unpack", tmp_path / "t.tgz", tmp_path / "to"], check=True)
    assert os.readlink(tmp_path / "to/bin/y") == "../lib/x"
    assert (tmp_path / "to/z").samefile(tmp_path / "to/lib/x")


def test_buildpacks_run_in_order_and_later_ones_have_what_earlier_ones_export(container, web, origin):
    second = write(
        origin / "second",
        {
            "bin/detect": '#!/bin/bash\n[ -f "$1/by-one" ] && echo "Two$FROM_ONE"\n',
            "bin/compile": '#!/bin/bash\necho "-----> two sees:$FROM_ONE"\n',
        },
    )
    git(second, "init", "-q", "-b", "main")
    git(second, "add", "-A")
    git(second, "commit", "-q", "-m", "One")
    git(origin, "clone", "-q", "--bare", "second", "second.git")
    git(origin / "second.git", "update-server-info")
    made, packs = container(f"{web}/pack.git#v1", f"{web}/second.git")
    for number, pack in enumerate(packs):
        assert made.fetch(pack, number) == (0, "")
    assert made.step("detect", "1")[0] == 1, "the first has not compiled yet"
    assert made.step("detect", "0") == (0, "")
    assert (made.work / "detected").read_text() == "0\tOne\n"
    status, said = made.step("compile", "0")
    assert (status, said) == (0, "-----> one compiles with a secret\n")
    assert "A: one" in (made.work / "declared").read_text()
    assert made.step("detect", "1")[0] == 0
    assert (made.work / "detected").read_text() == "1\tTwo yes\n"
    assert made.step("compile", "1") == (0, "-----> two sees: yes\n")
    assert (made.work / "declared").read_text() == ""
    assert (made.app / "by-one").read_text() == "built\n"
    assert (made.work / "once").exists(), "these buildpacks do not say that the same comes of the same"
    shutil.rmtree(second)


def test_a_compile_that_fails_fails_its_step(container, web, tmp_path):
    made, (pack,) = container(f"{web}/flat.tgz")
    assert made.fetch(pack)[0] == 0
    write(made.work, {"packs/0/bin/compile": "#!/bin/bash\nset -e\nfalse\necho never\n"})
    assert made.step("compile", "0") == (1, "")


def test_the_platforms_buildpack_is_guessed_and_put_in_its_place(container):
    made, _ = container(**{"requirements.txt": ""})
    assert made.step("guess", *buildpacks.known())[0] == 0
    assert (made.work / "detected").read_text() == "python\tPython\n"
    assert made.step("use", "0", "python") == (0, "")
    assert made.step("detect", "0") == (0, "")
    other, _ = made, None
    (other.app / "requirements.txt").unlink()
    assert other.step("guess", *buildpacks.known())[0] == 1


@pytest.mark.parametrize(
    ("files", "once"),
    [
        ({"vite.config.js": "process.env.SOURCE_VERSION"}, True),
        ({"node_modules/a/b.js": "SOURCE_VERSION"}, False),
        ({}, False),
    ],
)
def test_an_app_that_looks_at_the_commit_is_built_with_each(tmp_path, files, once):
    made = Container(tmp_path, [], files)
    assert (made.work / "once").exists() is once


def test_equal_trees_make_equal_slugs_and_other_content_another_time(tmp_path):
    """Express, Rails and nginx make ETags of time and size: a page of equal size must not look unchanged."""

    def packed(name: str, page: str) -> tuple[bytes, float]:
        home = tmp_path / name
        home.mkdir()
        made = Container(home, [], {"index.html": page})
        assert made.step("pack") == (0, "")
        slug = (made.work / "slug.tar.zst").read_bytes()
        tree = subprocess.run(["zstd", "-dc"], input=slug, capture_output=True, check=True).stdout
        with tarfile.open(fileobj=io.BytesIO(tree)) as tar:
            return slug, tar.getmember("./index.html").mtime

    first, again, other = packed("first", "app.a1.js"), packed("again", "app.a1.js"), packed("other", "app.b2.js")
    assert first == again
    assert first[1] != other[1]
    assert all(0 < each[1] < 2**31 for each in (first, other))
