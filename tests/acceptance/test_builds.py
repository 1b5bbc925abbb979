"""Builds with buildpacks by URL, builds over the API, cancelled builds, and slugs that are uploaded."""

from __future__ import annotations

import io
import ssl
import subprocess
import tarfile
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest
from buildpack_server import make, serve
from platform_client import App, Platform, wait_for
from sources import web

CONTROL = "10.213.77.11"  # the lab's control1, where the API listens

NOTE = {
    "detect": "echo Note",
    "compile": 'echo "-----> Writing a note for $(cat "$3/READER" 2>/dev/null)"\n'
    'echo "by $(id -un)" >"$1/note"\n'
    'echo \'export NOTED="in the $NOWHERE house"\' >"$(dirname "$0")/../export"',
    "release": "printf -- '---\\nconfig_vars:\\n  FROM_NOTE: declared\\n'",
}
AFTER = {
    "detect": '[ -f "$1/note" ] && echo "After a note"',
    "compile": 'echo "       NOTED is $NOTED"\necho "$NOTED" >"$1/noted"',
}


@pytest.fixture(scope="module")
def packs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URL below which buildpacks are: note, after, picky, hanging, broken."""
    directory = tmp_path_factory.mktemp("packs")
    make(directory, "note", NOTE)
    make(directory, "after", AFTER)
    make(directory, "picky", {"detect": "exit 1", "compile": "true"})
    make(directory, "hanging", {"detect": "echo Hanging", "compile": "echo '-----> it hangs'\nsleep 600"})
    make(directory, "broken", {"release": "true"})
    with serve(directory) as url:
        yield url


def choose(app: App, *names: str) -> None:
    updates = [{"buildpack": name} for name in names]
    app.call("PUT", "/buildpack-installations", {"updates": updates}, 200)


def in_order(text: str, *parts: str) -> bool:
    """Whether these stand in the text in this order."""
    at = -1
    for part in parts:
        at = text.find(part, at + 1)
        if at < 0:
            return False
    return True


def test_buildpacks_of_a_url_run_before_herokus_and_hand_on_what_they_export(
    new_app: Callable[..., App], packs: str
) -> None:
    app = new_app()
    app.call("PATCH", "/config-vars", {"READER": "Basho"}, 200)
    choose(app, f"{packs}/note.git#v1", f"{packs}/after.tgz", "heroku/python")
    files = web("noted")
    files["server.py"] = files["server.py"].replace('"/env"', '"/note"', 1).replace(
        'body = "\\n".join(f"{k}={v}" for k, v in sorted(os.environ.items()))',
        'body = open("note").read() + open("noted").read() + os.environ["FROM_NOTE"]',
    )  # fmt: skip
    pushed = app.push(app.repository(files))
    assert pushed.accepted, pushed.output
    assert in_order(
        pushed.output, "-----> Using buildpacks:", f"1. {packs}/note.git#v1", "3. heroku/python",
        "-----> Fetching buildpack",
        "-----> Note app detected", "-----> Writing a note for Basho", "-----> After a note app detected",
        "NOTED is in the  house", "-----> Python app detected", "Verifying deploy... done.",
    ), pushed.output  # fmt: skip
    assert app.get("/note").body == "by dyno\nin the  house\ndeclared"
    built = app.call("GET", "/builds", status=200).json()[-1]
    assert [pack["url"] for pack in built["buildpacks"]][2] == "urn:buildpack:heroku/python"


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("/nothing.git", "could not be fetched"),
        ("/note.git#v9", "has no branch, tag or commit v9"),
        ("/broken.tgz", "has no bin/detect: it is not a buildpack"),
        ("/picky.git", "App not compatible with buildpack"),
    ],
)
def test_a_buildpack_that_cannot_be_used_rejects_the_push_and_changes_nothing(
    new_app: Callable[..., App], packs: str, name: str, words: str
) -> None:
    app = new_app()
    choose(app, packs + name)
    pushed = app.push(app.repository(web()))
    assert not pushed.accepted
    assert words in pushed.output, pushed.output
    assert "Push rejected" in pushed.output
    assert [release["version"] for release in app.call("GET", "/releases").json()] == [1, 2]


def test_no_buildpack_is_had_from_the_platforms_hosts(new_app: Callable[..., App]) -> None:
    app = new_app()
    choose(app, f"https://{CONTROL}/buildpack.tgz")
    pushed = app.push(app.repository(web()))
    assert not pushed.accepted
    assert "could not be fetched" in pushed.output, pushed.output


def tarball(files: dict[str, str], prefix: str = "") -> bytes:
    into = io.BytesIO()
    with tarfile.open(fileobj=into, mode="w:gz") as tar:
        for name, text in files.items():
            member = tarfile.TarInfo(prefix + name)
            member.size = len(text.encode())
            tar.addfile(member, io.BytesIO(text.encode()))
    return into.getvalue()


def upload(platform: Platform, content: bytes) -> str:
    """The URL of an uploaded source."""
    blob = platform.call("POST", "/sources", status=201).json()["source_blob"]
    answer = platform.http.put(blob["put_url"], content=content, headers={"Authorization": "", "Content-Type": ""})
    assert answer.status_code == 200, answer.text
    return blob["get_url"]


def output(app: App, build: dict, **headers: str) -> str:
    """All a build says, once it is over."""
    context = ssl.create_default_context(cafile=app.platform.ca)
    answer = httpx.get(build["output_stream_url"], verify=context, timeout=300, headers=headers)
    assert answer.status_code == 200, answer.text
    return answer.text


def test_a_tarball_is_built_and_its_output_streams_as_text_and_as_events(new_app: Callable[..., App]) -> None:
    app = new_app()
    blob = {"url": upload(app.platform, tarball(web("tarred"))), "version": "v1", "version_description": "* M: One"}
    build = app.call("POST", "/builds", {"source_blob": blob}, 201).json()
    told = output(app, build)
    assert "Verifying deploy... done." in told
    events = output(app, build, Accept="text/event-stream")
    assert "data: -----> Building on the Debian-13 stack" in events
    assert events.endswith("event: eof\ndata: {}\n\n")
    wait_for("the build's verdict", lambda: app.call("GET", f"/builds/{build['id']}").json()["status"] == "succeeded")
    assert app.get().body.startswith("tarred ")
    slug = app.call("GET", f"/slugs/{app.release()['slug']['id']}", status=200).json()
    assert slug["commit_description"] == "* M: One"


def test_a_source_that_is_not_what_its_checksum_says_is_not_built(new_app: Callable[..., App]) -> None:
    app = new_app()
    blob = {"url": upload(app.platform, tarball(web())), "checksum": "SHA256:" + "0" * 64}
    build = app.call("POST", "/builds", {"source_blob": blob}, 201).json()
    assert "Push rejected, the source is damaged." in output(app, build)
    wait_for("the build's verdict", lambda: app.call("GET", f"/builds/{build['id']}").json()["status"] == "failed")


def test_a_cancelled_build_ends_soon_and_rejects_its_push(new_app: Callable[..., App], packs: str) -> None:
    app = new_app()
    choose(app, f"{packs}/hanging.tgz")
    pushes = []
    repository = app.repository(web())
    thread = threading.Thread(target=lambda: pushes.append(app.push(repository)))
    thread.start()

    def hangs() -> str | None:
        for build in app.call("GET", "/builds").json():
            lines = app.call("GET", f"/builds/{build['id']}/result").json()["lines"]
            if any("it hangs" in line["line"] for line in lines):
                return build["id"]
        return None

    build = wait_for("the build hangs", hangs, 120)
    app.call("DELETE", f"/builds/{build}", status=200)
    wait_for("the build ends", lambda: app.call("GET", f"/builds/{build}").json()["status"] == "failed", 30)
    thread.join(60)
    (pushed,) = pushes
    assert not pushed.accepted
    assert "The build was cancelled by " in pushed.output, pushed.output
    assert app.call("DELETE", f"/builds/{build}").status_code == 422
    choose(app)
    assert app.push(repository).accepted, "the app builds again"


def test_a_slug_that_was_uploaded_runs_and_can_be_got(new_app: Callable[..., App], tmp_path: Path) -> None:
    app = new_app()
    files = web("uploaded")
    types = {"web": "python3 server.py"}
    slug = app.call("POST", "/slugs", {"process_types": types, "commit": "0123456789ab"}, 201).json()
    content = tarball({"server.py": files["server.py"]}, "./app/")
    answer = app.platform.http.put(slug["blob"]["url"], content=content, headers={"Authorization": ""})
    assert answer.status_code == 200, answer.text
    app.call("POST", "/releases", {"slug": slug["id"]}, 201)
    wait_for("it serves", lambda: app.get().body.startswith("uploaded "), 60)
    blob = app.call("GET", f"/slugs/{slug['id']}", status=200).json()["blob"]
    got = httpx.get(blob["url"], verify=ssl.create_default_context(cafile=app.platform.ca))
    (tmp_path / "slug").write_bytes(got.content)
    listed = subprocess.run(["tar", "--zstd", "-tf", tmp_path / "slug"], check=True, capture_output=True, text=True)
    assert "server.py" in listed.stdout
