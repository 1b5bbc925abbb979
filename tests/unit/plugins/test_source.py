"""How `_source` packs a tree: the same bytes for the same content, and just what git says in a checkout."""

from __future__ import annotations

import io
import os
import subprocess
import tarfile
from pathlib import Path

import pytest
from ansible_collections.hokku.platform.plugins.module_utils import _source
from ansible_collections.hokku.platform.plugins.module_utils._api import ApiError


def git(where: Path, *words: str) -> str:
    env = {**os.environ, "GIT_CONFIG_GLOBAL": "/dev/null", "GIT_CONFIG_SYSTEM": "/dev/null"}
    argv = ["git", "-C", str(where), "-c", "user.name=t", "-c", "user.email=t@example.com", *words]
    return subprocess.run(argv, check=True, capture_output=True, text=True, env=env).stdout.strip()


def write(root: Path, files: dict[str, str]) -> Path:
    for name, content in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(content)
    return root


def pack(source: Path, ref: str | None = None) -> tuple[_source.Packed, bytes]:
    file = io.BytesIO()
    return _source.pack(str(source), ref, file), file.getvalue()


def names(data: bytes) -> list[str]:
    with tarfile.open(fileobj=io.BytesIO(data)) as tar:
        return tar.getnames()


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    root = tmp_path / "checkout"
    root.mkdir()
    write(root, {"app.py": "print()", "lib/a.py": "1", "lib.txt": "2", ".gitignore": "*.log\nsecret/\n"})
    git(root, "init", "--quiet", "-b", "main")
    git(root, "add", ".")
    git(root, "commit", "--quiet", "-m", "first")
    return root


def test_the_same_content_is_the_same_tarball_wherever_and_whenever_it_is_made(tmp_path: Path) -> None:
    first = write(tmp_path / "one", {"a/b": "x", "a.txt": "y", "run": "#!/bin/sh"})
    second = write(tmp_path / "two", {"run": "#!/bin/sh", "a.txt": "y", "a/b": "x"})
    for number, root in enumerate((first, second)):
        (root / "run").chmod(0o755 if number else 0o700)
        (root / "a.txt").chmod(0o644 if number else 0o600)
        os.utime(root / "a.txt", (1000 * number, 1000 * number))
    assert pack(first) == pack(second)
    assert pack(first)[0].files == 3


@pytest.mark.parametrize("change", ["content", "name", "mode", "link"])
def test_whatever_a_build_could_notice_changes_the_checksum(tmp_path: Path, change: str) -> None:
    root = write(tmp_path / "tree", {"a": "x"})
    os.symlink("a", root / "link")
    before = pack(root)[0].checksum
    if change == "content":
        (root / "a").write_text("y")
    elif change == "name":
        (root / "a").rename(root / "b")
    elif change == "mode":
        (root / "a").chmod(0o755)
    else:
        (root / "link").unlink()
        os.symlink("b", root / "link")
    assert pack(root)[0].checksum != before


def test_a_checkout_and_its_commit_are_the_same_tarball_when_nothing_was_changed(checkout: Path) -> None:
    commit = git(checkout, "rev-parse", "HEAD")
    from_tree, from_ref = pack(checkout), pack(checkout, "main")
    assert from_tree == from_ref
    assert from_tree[0].commit == commit
    write(checkout, {"app.py": "changed"})
    changed = pack(checkout)[0]
    assert (changed.commit, changed.checksum != from_tree[0].checksum) == (None, True)
    assert pack(checkout, commit) == from_ref, "the commit is as it was"


def test_of_a_checkout_goes_what_git_does_not_ignore_as_it_lies_there(checkout: Path) -> None:
    write(checkout, {"new.py": "", "debug.log": "", "secret/key": "k"})
    (checkout / "lib.txt").unlink()
    assert names(pack(checkout)[1]) == [".gitignore", "app.py", "lib/a.py", "new.py"]


def test_a_part_of_a_checkout_is_packed_from_its_own_top(checkout: Path) -> None:
    write(checkout, {"lib/x.log": ""})
    assert names(pack(checkout / "lib")[1]) == ["a.py"] == names(pack(checkout / "lib", "HEAD")[1])


def test_a_tree_that_the_checkout_around_it_ignores_is_packed_whole(checkout: Path) -> None:
    write(checkout, {"secret/a.log": "x", "secret/b": "y"})
    assert names(pack(checkout / "secret")[1]) == ["a.log", "b"]


def test_outside_of_git_everything_goes_with_links_and_empty_directories(tmp_path: Path) -> None:
    root = write(tmp_path / "tree", {"a.log": "", "d/f": ""})
    (root / "empty").mkdir()
    os.symlink("d", root / "l")
    assert names(pack(root)[1]) == ["a.log", "d/f", "empty", "l"]


def test_submodules_that_are_checked_out_go_with_it_and_others_are_said(checkout: Path, tmp_path: Path) -> None:
    other = write(tmp_path / "other", {"inner.py": "", "x.log": ""})
    git(other, "init", "--quiet")
    write(other, {".gitignore": "x.log\n"})
    git(other, "add", ".")
    git(other, "commit", "--quiet", "-m", "x")
    git(checkout, "-c", "protocol.file.allow=always", "submodule", "--quiet", "add", str(other), "sub")
    git(checkout, "commit", "--quiet", "-m", "with it")
    assert "sub/inner.py" in names(pack(checkout)[1])
    with pytest.raises(ApiError, match="the submodule sub"):
        pack(checkout, "HEAD")
    git(checkout, "submodule", "deinit", "--quiet", "--force", "sub")
    with pytest.raises(ApiError, match="sub is not checked out: run `git submodule"):
        pack(checkout)


@pytest.mark.parametrize("ref", ["", "--output=/tmp/x", "nowhere", "HEAD:app.py"])
def test_what_is_no_commit_is_refused(checkout: Path, ref: str) -> None:
    with pytest.raises(ApiError):
        pack(checkout, ref)


def test_no_directory_an_empty_one_and_what_is_no_file_are_said(tmp_path: Path) -> None:
    with pytest.raises(ApiError, match="There is no directory"):
        pack(tmp_path / "nowhere")
    with pytest.raises(ApiError, match="holds no file"):
        pack(tmp_path)
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(ApiError, match="pipe is no file"):
        pack(tmp_path)


def test_a_checkout_that_git_does_not_answer_for_is_not_sent_with_what_it_ignores(
    checkout: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(checkout, {"secret/key": "k"})
    monkeypatch.setenv("PATH", "/nowhere")
    for where in (checkout, checkout / "lib"):
        with pytest.raises(ApiError, match="git is not installed"):
            pack(where)


def test_gits_own_variables_of_the_caller_do_not_lead_elsewhere(
    checkout: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GIT_DIR", str(tmp_path))
    assert "app.py" in names(pack(checkout)[1])
