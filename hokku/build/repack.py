"""A slug that was uploaded, made into one of the slug store's kind: a tar of /app's tree, compressed with zstd.

Heroku's kind is a gzipped tar with everything below `./app`; what this platform gives out is taken back, too. Nothing
is unpacked: members are looked at and copied one by one, and only dynos open the result, as user dyno.
"""

from __future__ import annotations

import copy
import gzip
import math
import posixpath
import subprocess
import tarfile
import threading
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO

_ZSTD = b"\x28\xb5\x2f\xfd"
_GZIP = b"\x1f\x8b"
_DYNO = 1000  # user and group
_EARLIEST, _LATEST = 0, 2**33 - 1  # times that the archive's format can say
_MEMBERS = 1_000_000
_UNPACKED = 8 * 1024**3  # bytes
_CHUNK = 1024 * 1024
_HEADER = 1024 * 1024  # bytes of one member's name, link or extended header
_WANTED = "Upload a gzipped tar of ./app, made with `tar czf slug.tgz ./app`."
_TOO_MUCH = "The slug unpacks to more than 8 GB: leave out what is not needed to run."


class BadArchive(Exception):
    """One sentence that says what is wrong with the archive, and what to upload."""


class _Member(tarfile.TarInfo):
    """A member of an archive that nobody vouches for: tarfile would read any name, header or map of holes into memory,
    and a few megabytes of gzip hold gigabytes of them."""

    def _proc_gnulong(self, archive: tarfile.TarFile) -> tarfile.TarInfo:
        return self._if_short(super()._proc_gnulong, archive)

    def _proc_pax(self, archive: tarfile.TarFile) -> tarfile.TarInfo:
        return self._if_short(super()._proc_pax, archive)

    def _if_short(
        self, read: Callable[[tarfile.TarFile], tarfile.TarInfo], archive: tarfile.TarFile
    ) -> tarfile.TarInfo:
        if not 0 <= self.size <= _HEADER:
            raise BadArchive(f"The slug has a file name or a header of {self.size} bytes. {_WANTED}")
        return read(archive)

    def _proc_sparse(self, archive: tarfile.TarFile) -> tarfile.TarInfo:
        raise BadArchive(f"{_shown(self.name)} in the slug is sparse: make the archive without --sparse.")

    def _proc_gnusparse_10(self, following: tarfile.TarInfo, *_: object) -> None:
        following._proc_sparse(None)


def chunks(archive: Path) -> Iterator[bytes]:
    """The slug in pieces, as they are compressed. Raises BadArchive, perhaps after some of them."""
    failed: list[BaseException] = []
    argv = ["zstd", "--quiet", "-3", "--stdout"]
    with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as packer:
        thread = threading.Thread(target=_feed, args=(archive, packer.stdin, failed), name="repack", daemon=True)
        thread.start()
        try:
            while chunk := packer.stdout.read(_CHUNK):
                yield chunk
            if packer.wait() != 0:
                failed.append(OSError("zstd ended before all was compressed"))
        finally:
            packer.kill()  # it has ended, or nobody wants what is to come
            thread.join()
    if failed:
        raise failed[0]


def _feed(archive: Path, into: IO[bytes], failed: list[BaseException]) -> None:
    try:
        with into:
            _copy(archive, into)
    except BrokenPipeError:
        pass
    except (tarfile.TarError, zlib.error, EOFError, OSError) as error:
        failed.append(BadArchive(f"The slug is not a whole archive ({error}). {_WANTED}"))
    except Exception as error:
        failed.append(error)


def _copy(archive: Path, into: IO[bytes]) -> None:
    with archive.open("rb") as file:
        magic = file.read(4)
    if magic.startswith(_GZIP):
        with gzip.open(archive) as source:
            _members(_Bounded(source), into)
    elif magic == _ZSTD:
        _unzstd(archive, into)
    else:
        raise BadArchive(f"The slug is not compressed with gzip. {_WANTED}")


def _unzstd(archive: Path, into: IO[bytes]) -> None:
    argv = ["zstd", "--quiet", "--decompress", "--stdout", "--", str(archive)]
    with subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as opener:
        try:
            _members(_Bounded(opener.stdout), into)
            opener.wait()
        finally:
            opener.kill()
    if opener.returncode != 0:
        raise EOFError("zstd cannot read it to its end")


class _Bounded:
    """What an archive unpacks to, up to a limit that also holds for what is in no member."""

    def __init__(self, source: IO[bytes]) -> None:
        self._source, self._left = source, _UNPACKED + _MEMBERS * 2048

    def read(self, size: int) -> bytes:
        """The next bytes. Raises BadArchive beyond the limit."""
        data = self._source.read(size)
        self._left -= len(data)
        if self._left < 0:
            raise BadArchive(_TOO_MUCH)
        return data

    def drain(self) -> None:
        """Read to the end, where a broken archive shows."""
        while self.read(_CHUNK):
            pass


def _members(source: _Bounded, into: IO[bytes]) -> None:
    size, below = 0, None
    with (
        tarfile.open(fileobj=source, mode="r|", tarinfo=_Member) as tar,
        tarfile.open(fileobj=into, mode="w|", format=tarfile.GNU_FORMAT) as out,
    ):
        for number, member in enumerate(tar):
            if below is None:
                below = posixpath.normpath(member.name) != "."
                out.addfile(_top())
            size += member.size
            if size > _UNPACKED or number >= _MEMBERS:
                raise BadArchive(_TOO_MUCH)
            kept = _kept(member, below)
            if kept is not None:
                out.addfile(kept, tar.extractfile(member) if kept.isreg() else None)
            tar.members.clear()  # both remember every member otherwise
            out.members.clear()
            tar.pax_headers.clear()  # of the whole archive: of no use here, and they add up
    if below is None:
        raise BadArchive(f"The slug is empty. {_WANTED}")
    source.drain()


def _kept(member: tarfile.TarInfo, below: bool) -> tarfile.TarInfo | None:
    """The member as it stands in the store's archive; None for the top directory, which is there already."""
    made = copy.copy(member)
    made.name = _inside(member.name, below)
    if made.name == ".":
        return None
    if member.isreg():
        made.type = tarfile.REGTYPE
    elif member.islnk():
        made.linkname = _inside(member.linkname, below)
    elif not (member.issym() or member.isdir()):
        raise BadArchive(f"{_shown(member.name)} in the slug is neither a file nor a directory nor a link: remove it.")
    made.uid = made.gid = _DYNO
    made.uname = made.gname = "dyno"
    made.mtime, made.pax_headers = _moment(member.mtime), {}
    made.mode = (member.mode | 0o600 | (0o100 if member.isdir() else 0)) & 0o755
    return made


def _moment(said: float) -> int:
    """A file's time, by which web servers tell browsers whether their copy is still right; headers can say any."""
    return int(min(max(said, _EARLIEST), _LATEST)) if math.isfinite(said) else _EARLIEST


def _top() -> tarfile.TarInfo:
    """The first member of every slug: by it, one of this platform's is known."""
    top = tarfile.TarInfo(".")
    top.type, top.mode, top.uid, top.gid, top.mtime = tarfile.DIRTYPE, 0o755, _DYNO, _DYNO, _EARLIEST
    return top


def _inside(name: str, below: bool) -> str:
    """The path below /app of a member's."""
    path = posixpath.normpath(name)
    if path.startswith("/") or ".." in name.split("/"):
        raise BadArchive(f"{_shown(name)} in the slug leads out of it. {_WANTED}")
    if not below:
        return path
    if path == "app":
        return "."
    if not path.startswith("app/"):
        raise BadArchive(f"{_shown(name)} in the slug is not below ./app. {_WANTED}")
    return path.removeprefix("app/")


def _shown(name: str) -> str:
    return "".join(char if char.isprintable() else "?" for char in name[:100])
