"""Submodules, as the build container fetches them: over http from a real repository, and what is refused."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tests.integration.test_buildpack_scripts import SCRIPTS, git, origin, web, write

__all__ = ["origin", "web"]


@pytest.fixture(scope="module")
def library(origin, web):
    """(URL, older commit) of a repository that has a submodule itself, deep/inner, at its newest commit."""
    inner = write(origin / "inner", {"inner.txt": "innermost\n"})
    git(inner, "init", "-q", "-b", "main")
    git(inner, "add", "-A")
    git(inner, "commit", "-q", "-m", "Inner")
    tree = write(origin / "library", {"lib.txt": "one\n"})
    git(tree, "init", "-q", "-b", "main")
    git(tree, "add", "-A")
    git(tree, "commit", "-q", "-m", "One")
    older = git(tree, "rev-parse", "HEAD")
    write(tree, {"lib.txt": "two\n", ".gitmodules": modules("deep/inner", f"{web}/inner.git")})
    git(tree, "update-index", "--add", "--cacheinfo", f"160000,{git(inner, 'rev-parse', 'HEAD')},deep/inner")
    git(tree, "add", "-A", "--", "lib.txt", ".gitmodules")
    git(tree, "commit", "-q", "-m", "Two")
    for name in ("inner", "library"):
        git(origin, "clone", "-q", "--bare", name, f"{name}.git")
        git(origin / f"{name}.git", "update-server-info")
    return f"{web}/library.git", older, git(tree, "rev-parse", "HEAD")


def modules(path: str, url: str) -> str:
    return f'[submodule "some name"]\n\tpath = {path}\n\turl = {url}\n'


def fetched(app: Path, path: str, url: str | None, commit: str = "0" * 40) -> tuple[int, str]:
    """Exit status and output of the script for an app with this one submodule."""
    app.mkdir(exist_ok=True)
    (app / ".hokku-submodules").write_text(f"{commit} {path}\n")
    if url is not None:
        (app / ".gitmodules").write_text(modules(path, url))
    done = subprocess.run([SCRIPTS / "submodules", app], text=True, check=False, capture_output=True, timeout=60)
    return done.returncode, done.stdout + done.stderr


def test_submodules_are_fetched_at_their_commits_with_those_inside_them(tmp_path, library):
    url, older, newest = library
    assert fetched(tmp_path / "old", "vendor/lib", url, older)[0] == 0
    assert (tmp_path / "old/vendor/lib/lib.txt").read_text() == "one\n"
    status, said = fetched(tmp_path / "new", "vendor/lib", url, newest)
    assert status == 0, said
    assert (tmp_path / "new/vendor/lib/deep/inner/inner.txt").read_text() == "innermost\n"
    assert not list((tmp_path / "new").rglob(".git"))
    assert not (tmp_path / "new/.hokku-submodules").exists()
    assert "vendor/lib: http://127.0.0.1" in said


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("ext::sh -c touch% owned", "only public repositories over https, http and git"),
        ("file:///etc", "only public repositories"),
        ("/etc", "only public repositories"),
        ("../sibling.git", "only public repositories"),
        ("git@example.com:me/it.git", "only public repositories"),
        ("ssh://git@example.com/it.git", "only public repositories"),
        ("--upload-pack=touch owned", "only public repositories"),
        ("https://", "only public repositories"),
        (None, "has no URL for vendor/lib"),
    ],
)
def test_a_url_that_is_not_fetched_is_refused_by_name(tmp_path, url, words):
    status, said = fetched(tmp_path / "app", "vendor/lib", url)
    assert status == 1
    assert words in said, said
    assert not list(tmp_path.rglob("owned"))


@pytest.mark.parametrize("path", ["../out", "/tmp/out", "a/../../out", ".git/hooks", "-x", "a//b", "link/x", "full"])
def test_a_path_that_leads_elsewhere_is_refused(tmp_path, library, path):
    app = tmp_path / "app"
    (app / "full").mkdir(parents=True)
    (app / "full/file").write_text("")
    (app / "link").symlink_to("..")
    status, said = fetched(app, path, library[0], library[1])
    assert status == 1
    assert "could not be fetched" in said
    assert not (tmp_path / "out").exists()
    assert not (tmp_path / "x").exists()


def test_a_commit_that_is_not_there_is_told_without_the_password_of_the_url(tmp_path, library):
    status, said = fetched(tmp_path / "app", "lib", library[0].replace("//", "//me:hunter2@"), "1" * 40)
    assert status == 1
    assert "has no commit 11111111" in said, said
    assert "hunter2" not in said


def test_an_app_without_submodules_says_nothing(tmp_path):
    done = subprocess.run([SCRIPTS / "submodules", tmp_path], check=True, capture_output=True, text=True)
    assert done.stdout == ""
