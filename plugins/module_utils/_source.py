# Copyright: The Hokku developers
# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# PRIVATE to the collection: modules of other collections must not import it.

"""A source tree as a tarball that is the same, byte by byte, for the same content, wherever and whenever it is made.

In a git checkout the tree is what git knows or would add (`git ls-files`), or what a commit holds (`git archive`);
elsewhere it is every file. Of a file count its name, its content and whether it can be executed, as in git.
"""

from __future__ import annotations

import gzip
import hashlib
import os
import stat
import subprocess
import tarfile
import tempfile
from dataclasses import dataclass

from ansible_collections.hokku.platform.plugins.module_utils._api import ApiError

MOST = 1024 * 1024 * 1024  # bytes of an upload, as the platform has it
_LEVEL = 6  # of gzip
_MOMENT = 946684800  # of every file: 2000-01-01, as in slugs
_GIT_SAYS_WHERE = ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_OBJECT_DIRECTORY", "GIT_PREFIX")
_SUBMODULE = "160000"


@dataclass(frozen=True)
class Packed:
    """What was packed: `checksum` as the API takes it, `size` of the tarball in bytes, number of files."""

    checksum: str
    size: int
    files: int
    commit: str | None


def pack(source, ref, file):
    """Write the tree at the path `source`, or its repository's `ref`, to `file` as a gzipped tar. Raises ApiError."""
    if not os.path.isdir(source):
        raise ApiError(f"There is no directory {source} on the controller: give source the path of a source tree.")
    if ref is not None:
        return _pack_ref(source, ref, file)
    ours = _is_checkout(source)
    names = sorted(_listed(source) if ours else _walked(source), key=os.fsencode)
    if not names:
        raise ApiError(f"{source} holds no file that could be built.")
    with _Writer(file) as writer:
        for name in names:
            _add(writer, source, name)
    return writer.packed(_clean_commit(source) if ours else None)


class _Writer:
    """A gzipped tar in which nothing depends on time, owner or machine."""

    def __init__(self, file):
        self._file, self._files = file, 0
        self._gzip = gzip.GzipFile(filename="", mode="wb", fileobj=file, compresslevel=_LEVEL, mtime=0)
        self._tar = tarfile.TarFile.open(fileobj=self._gzip, mode="w|", format=tarfile.PAX_FORMAT)

    def __enter__(self):
        return self

    def __exit__(self, *error):
        if error[0] is None:
            self._tar.close()
        self._gzip.close()

    def add(self, name, kind, size=0, content=None, executable=False, target=""):
        """Add one entry: a file with `size` bytes of `content`, a link to `target`, or an empty directory."""
        entry = tarfile.TarInfo(name)
        entry.type, entry.size, entry.linkname, entry.mtime = kind, size, target, _MOMENT
        entry.mode = 0o755 if executable or kind == tarfile.DIRTYPE else 0o644
        if kind == tarfile.SYMTYPE:
            entry.mode = 0o777
        self._tar.addfile(entry, content)
        self._files += 1
        if self._file.tell() > MOST:
            raise ApiError(f"The source is larger than {MOST // 1024**3} GB: leave out what is not needed to build.")

    def packed(self, commit):
        self._file.seek(0)
        digest = hashlib.sha256()
        while chunk := self._file.read(1024 * 1024):
            digest.update(chunk)
        size = self._file.tell()
        self._file.seek(0)
        return Packed(f"SHA256:{digest.hexdigest()}", size, self._files, commit)


def _add(writer, source, name):
    """Add what stands at `name` below `source`."""
    where = os.path.join(source, name)
    try:
        found = os.lstat(where)
        if stat.S_ISLNK(found.st_mode):
            writer.add(name, tarfile.SYMTYPE, target=os.readlink(where))
        elif stat.S_ISDIR(found.st_mode):
            writer.add(name, tarfile.DIRTYPE)
        elif stat.S_ISREG(found.st_mode):
            with open(where, "rb") as content:
                found = os.fstat(content.fileno())
                executable = bool(found.st_mode & stat.S_IXUSR)
                writer.add(name, tarfile.REGTYPE, found.st_size, content, executable)
        else:
            raise ApiError(f"{where} is no file, directory or link: keep it out of the source tree.")
    except OSError as error:
        raise ApiError(f"{where} could not be read ({error.strerror or error}): nothing was built.") from None


def _walked(source):
    """Every file and link below, and directories with nothing in them."""
    for folder, folders, files in os.walk(source, onerror=_unreadable):
        below = os.path.relpath(folder, source)
        links = [name for name in folders if os.path.islink(os.path.join(folder, name))]
        folders[:] = [name for name in folders if name not in links and name != ".git"]
        for name in files + links:
            yield os.path.normpath(os.path.join(below, name))
        if below != "." and not folders and not files and not links:
            yield below


def _unreadable(error):
    raise ApiError(f"{error.filename} could not be read ({error.strerror}): nothing was built.")


def _listed(checkout):
    """What git knows there or would add, with what checkouts below it know."""
    said = _git(checkout, "ls-files", "-z", "--cached", "--others", "--exclude-standard")
    for name in {os.fsdecode(each).rstrip("/") for each in said.split(b"\0") if each}:
        where = os.path.join(checkout, name)
        if os.path.islink(where) or not os.path.isdir(where):
            if os.path.lexists(where):  # else it was removed and not committed
                yield name
        elif not os.listdir(where):
            raise ApiError(f"The submodule {where} is not checked out: run `git submodule update --init --recursive`.")
        else:
            yield from (os.path.join(name, below) for below in _listed(where))


def _pack_ref(repository, ref, file):
    if not ref or ref.startswith("-"):
        raise ApiError(f"{ref!r} is no git ref: give a branch, a tag or a commit.")
    found = _run(repository, ("rev-parse", "--verify", "--quiet", "--end-of-options", f"{ref}^{{commit}}"), None)
    if found.returncode != 0:
        raise ApiError(f"There is no commit {ref} in {repository}, or it is no git repository: fetch it first.")
    commit = found.stdout.decode().strip()
    for line in _git(repository, "ls-tree", "-r", "-z", commit).split(b"\0"):
        if line.startswith(_SUBMODULE.encode()):
            name = os.fsdecode(line.partition(b"\t")[2])
            raise ApiError(
                f"{ref} has the submodule {name}, whose files git archive leaves out: check it out, and drop ref."
            )
    with tempfile.TemporaryFile() as archive:
        _git(repository, "archive", "--format=tar", commit, into=archive)
        archive.seek(0)
        with tarfile.open(fileobj=archive) as tar, _Writer(file) as writer:
            entries = [entry for entry in tar if not entry.isdir()]
            if not entries:
                raise ApiError(f"{ref} holds no file that could be built.")
            for entry in sorted(entries, key=lambda entry: os.fsencode(entry.name)):
                content = None if entry.issym() else tar.extractfile(entry)
                kind = tarfile.SYMTYPE if entry.issym() else tarfile.REGTYPE
                writer.add(entry.name, kind, entry.size, content, bool(entry.mode & stat.S_IXUSR), entry.linkname)
        return writer.packed(commit)


def _is_checkout(source):
    """Whether git decides what belongs to the tree: it is in a checkout, which does not ignore it as a whole."""
    try:
        inside = _git(source, "rev-parse", "--is-inside-work-tree").strip() == b"true"
    except ApiError:
        if _below_git(source):  # what it would ignore is not to be sent because git does not answer
            raise
        return False
    return inside and _status(source, "check-ignore", "--quiet", ".") != 0


def _below_git(source):
    folder = os.path.realpath(source)
    while True:
        if os.path.lexists(os.path.join(folder, ".git")):
            return True
        if folder == os.path.dirname(folder):
            return False
        folder = os.path.dirname(folder)


def _clean_commit(checkout):
    """The commit that is checked out, when the tree is exactly that."""
    if _status(checkout, "rev-parse", "--verify", "--quiet", "HEAD") != 0:
        return None
    if _git(checkout, "status", "--porcelain", "-z", "--", "."):
        return None
    return _git(checkout, "rev-parse", "HEAD").decode().strip()


def _run(where, words, into):
    env = {name: value for name, value in os.environ.items() if name not in _GIT_SAYS_WHERE}
    env.update(GIT_OPTIONAL_LOCKS="0", GIT_TERMINAL_PROMPT="0", LC_ALL="C.UTF-8")
    try:
        return subprocess.run(
            ["git", "-C", os.path.abspath(where), *words],
            stdin=subprocess.DEVNULL, stdout=into or subprocess.PIPE, stderr=subprocess.PIPE, env=env, check=False,
        )  # fmt: skip
    except FileNotFoundError:
        raise ApiError(
            "git is not installed on the controller: install it, or give a tree that is no checkout."
        ) from None


def _git(where, *words, into=None):
    """What git says, or nothing when its output goes `into` a file. Raises ApiError with the first line of why not."""
    done = _run(where, words, into)
    if done.returncode != 0:
        said = done.stderr.decode("utf-8", "replace").strip().splitlines()
        raise ApiError(f"git {words[0]} in {where}: {said[0] if said else 'it failed, and did not say why.'}")
    return done.stdout


def _status(where, *words):
    return _run(where, words, subprocess.DEVNULL).returncode
