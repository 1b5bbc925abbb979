"""A slug that unpacks to more than a dyno host can bear is noticed while it is fetched."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator

import pytest

from hokku.build import unpacked

MB = 1024**2


def packed(content: bytes) -> list[bytes]:
    made = subprocess.run(["zstd", "--quiet", "--stdout"], input=content, capture_output=True, check=True).stdout
    return [made[n : n + 5000] for n in range(0, len(made), 5000)]


def test_what_is_small_enough_is_given_as_it_is():
    chunks = packed(os.urandom(3 * MB))
    assert list(unpacked.bounded(chunks, 3 * MB)) == chunks


def test_a_small_archive_that_unpacks_to_very_much_is_refused():
    chunks = packed(bytes(64 * MB))
    assert sum(map(len, chunks)) < 64 * 1024
    with pytest.raises(unpacked.TooMuch):
        list(unpacked.bounded(chunks, 64 * MB - 1))


def test_one_that_never_ends_is_not_read_to_its_end():
    frame = b"".join(packed(bytes(16 * MB)))

    def endless() -> Iterator[bytes]:
        while True:
            yield frame

    with pytest.raises(unpacked.TooMuch):
        for _ in unpacked.bounded(endless(), 100 * MB):
            pass


@pytest.mark.parametrize("content", [[b""], [b"no archive"], packed(os.urandom(MB))[:-1]])
def test_what_is_no_whole_archive_is_refused(content: list[bytes]):
    with pytest.raises(unpacked.Broken):
        list(unpacked.bounded(content, MB * 2))


def test_whoever_stops_reading_leaves_no_process_behind():
    given = unpacked.bounded(packed(os.urandom(3 * MB)), 10 * MB)
    next(given)
    given.close()
    with pytest.raises(ChildProcessError):
        os.waitpid(-1, os.WNOHANG)
