"""What a build may take of its host: how the watch is read, when a build is ended, and what the watch counts."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from hokku.build import watch
from hokku.build.watch import Taken
from hokku.settings import Settings

LIMITS = Settings(build_disk=100, build_processes=200)
MB = 1024**2
FREE = 10_000 * MB


@pytest.mark.parametrize(
    ("taken", "crowded", "words"),
    [
        (Taken(100 * MB, 10, FREE), 0, None),
        (Taken(100 * MB + 1, 10, FREE), 0, "wrote more than 100 MB to its disk"),
        (Taken(0, 200, FREE), 2, None),
        (Taken(0, 200, FREE), 3, "all of the 200 processes"),
        (Taken(0, 1, 100 * MB), 0, "disk is nearly full"),
    ],
)
def test_a_build_that_takes_more_than_it_may_is_ended_with_the_reason(taken: Taken, crowded: int, words: str | None):
    said = watch.judge(taken, crowded, LIMITS)
    assert said is None if words is None else words in said and "push again" in said


def test_lines_come_in_any_pieces_and_the_build_is_ended_once():
    ended: list[str] = []
    read = watch.Reader(LIMITS, ended.append)
    text = f"warning: something\n1 2\n5 190 {FREE}\n5 190 {FREE}\n5 10 {FREE}\n5 190 {FREE}\n-1 x 3\n".encode()
    for n in range(0, len(text), 7):
        read(text[n : n + 7])
    assert ended == [], "never three crowded looks in a row"
    read(b"x" * 100_000)
    read(f"\n{200 * MB} 1 {FREE}\n{300 * MB} 1 {FREE}\n".encode())
    assert len(ended) == 1


def test_the_watch_counts_files_once_and_deleted_ones_that_are_open(tmp_path: Path):
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "a").write_bytes(os.urandom(3 * MB))
    os.link(tmp_path / "deep" / "a", tmp_path / "twice")
    (tmp_path / "out").symlink_to("/usr")
    with (tmp_path / "sparse").open("wb") as sparse:
        sparse.truncate(50 * MB)
    command = watch.command()
    argv = [sys.executable, *command[1 : command.index("/app")], str(tmp_path)]
    with (tmp_path / "gone").open("wb") as gone:
        gone.write(os.urandom(2 * MB))
        gone.flush()
        os.fsync(gone.fileno())
        before = _look(argv)
        (tmp_path / "gone").unlink()
        after = _look(argv)
    assert 5 * MB <= before.disk < 6 * MB
    assert after.disk >= 5 * MB, "what was deleted and is open still takes its place"
    assert after.processes > 1
    assert after.free > 0


def _look(argv: list[str]) -> Taken:
    with subprocess.Popen(argv, stdout=subprocess.PIPE) as process:
        line = process.stdout.readline()
        process.kill()
    (taken,) = watch.read([line.strip()])
    return taken
