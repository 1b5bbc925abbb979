"""Slugs that are uploaded ready to run, and got back."""

from __future__ import annotations

import gzip
import hashlib
import io
import subprocess
import tarfile
import time
import uuid
from urllib.parse import urlsplit

import pytest

from hokku.settings import settings
from hokku.store import slugs
from tests.integration.test_api_apps import fresh, refused

NOBODY = {"Authorization": ""}


def archive(*members, mode="w:gz"):
    """A tarball of (name, content or link target, type)."""
    into = io.BytesIO()
    with tarfile.open(fileobj=into, mode=mode) as tar:
        for name, content, kind in members:
            member = tarfile.TarInfo(name)
            member.type, member.mode, member.uid = kind, 0o4777, 0
            if kind == tarfile.REGTYPE:
                member.size = len(content)
            else:
                member.linkname = content
            tar.addfile(member, io.BytesIO(content.encode()) if kind == tarfile.REGTYPE else None)
    return into.getvalue()


FILE, LINK, HARD, DIR = tarfile.REGTYPE, tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.DIRTYPE
GOOD = archive(
    ("./app/", "", DIR), ("./app/server.py", "print(1)", FILE), ("./app/bin", "", DIR),
    ("./app/bin/run", "../server.py", LINK), ("./app/same.py", "./app/server.py", HARD),
)  # fmt: skip


def made(api, **more):
    app = fresh(api)
    answer = api.post(f"/apps/{app['name']}/slugs", json={"process_types": {"web": "python server.py"}} | more)
    assert answer.status_code == 201, answer.text
    return app, answer.json()


def put(api, slug, content):
    assert slug["blob"]["method"] == "put"
    return api.put(urlsplit(slug["blob"]["url"]).path, content=content, headers=NOBODY)


def test_a_slug_is_uploaded_released_and_got_back(api, tmp_path):
    checksum = f"SHA256:{hashlib.sha256(GOOD).hexdigest()}"
    app, slug = made(api, checksum=checksum, commit="abcdef1234567", commit_description="* M: Change")
    path = f"/apps/{app['name']}"
    assert (slug["size"], slug["checksum"], slug["commit_description"]) == (None, checksum, "* M: Change")
    early = api.post(f"{path}/releases", json={"slug": slug["id"]})
    refused(early, 422, "invalid_params", "has no content yet")
    assert put(api, slug, GOOD).status_code == 200
    release = api.post(f"{path}/releases", json={"slug": slug["id"]}).json()
    assert (release["version"], release["slug"]["id"]) == (3, slug["id"])
    assert release["description"] == "Deploy abcdef12"
    assert api.get(f"{path}/formation/web").json()["command"] == "python server.py"
    shown = api.get(f"{path}/slugs/{slug['id']}").json()
    assert shown["blob"]["method"] == "get"
    got = api.get(urlsplit(shown["blob"]["url"]).path, headers=NOBODY).content
    assert (len(got), f"SHA256:{hashlib.sha256(got).hexdigest()}") == (shown["size"], shown["checksum"])
    (tmp_path / "got").write_bytes(got)
    (tmp_path / "to").mkdir()
    subprocess.run(["tar", "--zstd", "-xf", tmp_path / "got", "-C", tmp_path / "to"], check=True)
    assert (tmp_path / "to/bin/run").read_text() == (tmp_path / "to/same.py").read_text() == "print(1)"
    assert (tmp_path / "to/server.py").stat().st_mode & 0o7777 == 0o755, "no set-user-id, not writable by others"
    again = api.post(f"{path}/slugs", json={"process_types": {}}).json()
    assert put(api, again, got).status_code == 200, "what was got can be put"


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "empty"),
        (b"no archive", "not compressed with gzip"),
        (gzip.compress(b"no tar"), "not a whole archive"),
        (GOOD[:-40], "not a whole archive"),
        (archive(("app/../../x", "", FILE)), "leads out of it"),
        (archive(("/app/x", "", FILE)), "leads out of it"),
        (archive(("etc/passwd", "", FILE)), "is not below ./app"),
        (archive(("./app/x", "/etc/passwd", HARD)), "leads out of it"),
        (archive(("./app/x", "", tarfile.CHRTYPE)), "neither a file nor a directory nor a link"),
        (archive(), "is empty"),
    ],
    ids=[
        "nothing",
        "no gzip",
        "no tar",
        "cut off",
        "..",
        "absolute",
        "not below app",
        "link out",
        "device",
        "no entry",
    ],
)
def test_an_archive_that_is_no_slug_is_refused_and_leaves_nothing(api, content, words):
    before = set(settings().slugs_dir.iterdir())
    _, slug = made(api)
    refused(put(api, slug, content), 422, "invalid_params", words)
    assert set(settings().slugs_dir.iterdir()) == before
    assert put(api, slug, GOOD).status_code == 200, "it can be tried again"


def test_a_slug_never_changes(api):
    _, slug = made(api)
    assert put(api, slug, GOOD).status_code == 200
    refused(put(api, slug, GOOD), 422, "invalid_params", "never changes")


def test_an_archive_must_have_the_checksum_it_was_announced_with(api):
    _, slug = made(api, checksum="SHA256:" + "0" * 64)
    refused(put(api, slug, GOOD), 422, "invalid_params", "upload it again")
    refused(
        api.post(f"/apps/{fresh(api)['name']}/slugs", json={"process_types": {}, "checksum": "x"}),
        422, "invalid_params", "checksum must be SHA256",
    )  # fmt: skip


def test_a_slug_that_is_too_large_is_refused(api, monkeypatch):
    _, slug = made(api)
    small = settings().model_copy(update={"slug_max_size": 10})
    monkeypatch.setattr("hokku.api.slugs.settings", lambda: small)
    refused(put(api, slug, GOOD), 422, "invalid_params", "larger than")
    assert not list(slugs.path("x").parent.glob(".incoming-*"))


def test_a_slugs_content_is_closed_without_its_signature_and_after_its_time(api, monkeypatch):
    app, slug = made(api)
    path = urlsplit(slug["blob"]["url"]).path
    for wrong in (path[:-3] + "000", path.replace(slug["id"], str(uuid.uuid4()))):
        refused(api.put(wrong, content=GOOD), 404, "not_found", "the URL is wrong")
    refused(api.get(path), 404, "not_found")  # good for putting only
    assert put(api, slug, GOOD).status_code == 200
    url = urlsplit(api.get(f"/apps/{app['name']}/slugs/{slug['id']}").json()["blob"]["url"]).path
    later = time.time() + 3 * 3600
    monkeypatch.setattr("hokku.api.slugs.time.time", lambda: later)
    refused(api.get(url), 404, "not_found", "time is over")


@pytest.mark.parametrize(
    ("types", "words"),
    [({"a b": "x"}, "'a b' is not"), ({"web": " "}, "web has no command"), ({"web": "a\nb"}, "not one line")],
)
def test_process_types_keep_to_the_rules_of_a_procfile(api, types, words):
    answer = api.post(f"/apps/{fresh(api)['name']}/slugs", json={"process_types": types})
    refused(answer, 422, "invalid_params", words)
