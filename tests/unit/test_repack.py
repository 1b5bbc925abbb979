"""Uploaded slugs from people who mean harm: what tarfile would read into memory, and what never ends."""

from __future__ import annotations

import gzip
import io
import subprocess
import tarfile
import tracemalloc

import pytest

from hokku.build import repack

MEGABYTE = 1024 * 1024


def header(name: str, kind: bytes, size: int = 0) -> bytes:
    member = tarfile.TarInfo(name)
    member.type, member.size = kind, size
    return member.tobuf(tarfile.GNU_FORMAT)


def written(path, *parts: bytes):
    with gzip.open(path, "wb", 1) as file:
        for part in parts:
            file.write(part)
    return path


@pytest.mark.parametrize("kind", [tarfile.GNUTYPE_LONGNAME, tarfile.GNUTYPE_LONGLINK, tarfile.XHDTYPE, tarfile.XGLTYPE])
def test_no_name_and_no_header_is_read_whole_however_long_it_says_it_is(tmp_path, kind):
    filler = [b"a" * MEGABYTE] * 64
    path = written(tmp_path / "slug.tgz", header("long", kind, 64 * MEGABYTE), *filler)
    tracemalloc.start()
    try:
        with pytest.raises(repack.BadArchive, match="a header of 67108864 bytes"):
            list(repack.chunks(path))
        assert tracemalloc.get_traced_memory()[1] < 16 * MEGABYTE
    finally:
        tracemalloc.stop()


def test_a_map_of_holes_is_refused(tmp_path):
    path = written(tmp_path / "slug.tgz", header("app/holes", tarfile.GNUTYPE_SPARSE), b"\0" * 1024)
    with pytest.raises(repack.BadArchive, match="app/holes in the slug is sparse"):
        list(repack.chunks(path))


def test_many_members_are_not_remembered(tmp_path):
    path = written(tmp_path / "slug.tgz", *(header(f"app/{n}", tarfile.REGTYPE) for n in range(20_000)), b"\0" * 1024)
    tracemalloc.start()
    try:
        assert b"".join(repack.chunks(path))
        assert tracemalloc.get_traced_memory()[1] < 8 * MEGABYTE
    finally:
        tracemalloc.stop()


def test_what_follows_the_archive_counts_too(tmp_path, monkeypatch):
    monkeypatch.setattr(repack, "_UNPACKED", MEGABYTE)
    monkeypatch.setattr(repack, "_MEMBERS", 10)
    path = written(tmp_path / "slug.tgz", header("app/x", tarfile.REGTYPE), b"\0" * 8 * MEGABYTE)
    with pytest.raises(repack.BadArchive, match="unpacks to more"):
        list(repack.chunks(path))


def test_a_packer_that_dies_in_the_middle_makes_no_slug(tmp_path, monkeypatch):
    path = written(tmp_path / "slug.tgz", header("app/x", tarfile.REGTYPE), b"\0" * 1024)
    (tmp_path / "zstd").write_text("#!/bin/sh\nhead -c 512\nkill -9 $$\n")
    (tmp_path / "zstd").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    with pytest.raises(OSError, match="before all was compressed"):
        list(repack.chunks(path))


@pytest.mark.parametrize(
    ("said", "kept"), [("1700000000.9", 1700000000), ("-5", 0), ("nan", 0), ("inf", 0), ("1e30", 2**33 - 1)]
)
def test_files_keep_their_time_as_far_as_it_is_one(tmp_path, said, kept):
    member = tarfile.TarInfo("app/page")
    member.pax_headers = {"mtime": said}
    path = written(tmp_path / "slug.tgz", member.tobuf(tarfile.PAX_FORMAT), b"\0" * 1024)
    made = subprocess.run(["zstd", "-dc"], input=b"".join(repack.chunks(path)), capture_output=True, check=True).stdout
    with tarfile.open(fileobj=io.BytesIO(made)) as tar:
        assert tar.getmember("page").mtime == kept
