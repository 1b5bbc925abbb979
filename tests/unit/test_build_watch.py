"""What a build may take of its host: how the watch is read, when a build is ended, and what the watch counts."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from importlib.machinery import SourceFileLoader
from importlib.util import module_from_spec, spec_from_loader
from pathlib import Path
from types import ModuleType

import pytest

from hokku.build import watch
from hokku.build.watch import Taken
from hokku.settings import Settings


def _script() -> ModuleType:
    loader = SourceFileLoader("watch_script", str(Path(watch.__file__).parent / "scripts" / "watch"))
    module = module_from_spec(spec_from_loader(loader.name, loader))
    loader.exec_module(module)
    return module


script = _script()
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
    argv, others = command(tmp_path), elsewhere()
    with (tmp_path / "gone").open("wb") as gone:
        gone.write(os.urandom(2 * MB))
        gone.flush()
        os.fsync(gone.fileno())
        before = _look(argv)
        (tmp_path / "gone").unlink()
        after = _look(argv)
    assert 5 * MB <= before.disk - others < 6 * MB
    assert after.disk - others >= 5 * MB, "what was deleted and is open still takes its place"
    assert after.processes > 1
    assert after.free > 0


def test_what_lies_deeper_than_any_path_can_say_is_counted(tmp_path: Path):
    here = os.open(tmp_path, os.O_RDONLY)
    for _ in range(40):
        os.mkdir("d" * 250, dir_fd=here)
        below = os.open("d" * 250, os.O_RDONLY, dir_fd=here)
        os.close(here)
        here = below
    file = os.open("hidden", os.O_WRONLY | os.O_CREAT, dir_fd=here)
    os.write(file, os.urandom(3 * MB))
    os.fsync(file)
    os.close(file)
    os.close(here)
    others = elsewhere()
    assert 3 * MB <= _look(command(tmp_path)).disk - others < 4 * MB
    subprocess.run(["rm", "-rf", str(tmp_path / ("d" * 250))], check=True)  # pytest's own removal cannot


def test_names_without_content_take_their_place_too(tmp_path: Path):
    (tmp_path / "a").touch()
    for number in range(3000):
        os.link(tmp_path / "a", tmp_path / str(number))
    assert _look(command(tmp_path)).disk >= 3000 * 1024


def test_a_look_stops_at_the_first_excess_and_tells_it_at_once(tmp_path: Path):
    for number in range(20_000):
        (tmp_path / str(number)).touch()
    began = time.monotonic()
    found = _look(command(tmp_path, most=MB))
    assert MB < found.disk < 3 * MB  # before it comes to what is deleted
    assert time.monotonic() - began < 10


def test_the_pause_between_two_looks_is_bounded():
    assert [script.pause(spent) for spent in (0.0, 0.5, 1.0, 60.0)] == [1.0, 2.0, 4.0, 5.0]


def test_a_look_that_takes_long_says_each_second_what_it_found_so_far(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    clock = iter(range(1000))
    monkeypatch.setattr(script.time, "monotonic", lambda: float(next(clock)))

    def slow(directories: list[str]) -> Iterator[int]:
        yield from (1, 2, 3)
        raise KeyboardInterrupt

    monkeypatch.setattr(script, "sizes", slow)
    with pytest.raises(KeyboardInterrupt):
        script.main(100, 1000, ["/nowhere"])
    assert [line.split()[0] for line in capsys.readouterr().out.splitlines()] == ["1", "2", "3"]


def test_all_that_the_user_may_write_into_is_found(tmp_path: Path):
    modes = {"open": 0o1777, "open/below": 0o755, "shut": 0o755, "shut/sessions": 0o1733, "group": 0o770, "mine": 0o500}
    for name, mode in modes.items():
        (tmp_path / name).mkdir()
        (tmp_path / name).chmod(mode)
    (tmp_path / "link").symlink_to("open")
    if os.geteuid() == 0:
        os.chown(tmp_path / "group", 0, 1000)
        os.chown(tmp_path / "mine", 1000, 0)
    found = {Path(each).relative_to(tmp_path).as_posix() for each in script.writable(1000, str(tmp_path))}
    assert {"open", "shut/sessions"} <= found
    assert found <= {"open", "shut/sessions", "group", "mine"}
    if os.geteuid() == 0:
        assert {"group", "mine"} <= found


def elsewhere() -> int:
    """Bytes of deleted files that processes of this computer hold open: in a container there are the build's alone."""
    return sum(script.deleted(set()))


def command(directory: Path, most: int = 100_000 * MB) -> list[str]:
    """The watch of one directory."""
    argv = watch.command(Settings(build_disk=most // MB), 1000)
    return [sys.executable, *argv[1:], str(directory)]


def _look(argv: list[str]) -> Taken:
    with subprocess.Popen(argv, stdout=subprocess.PIPE) as process:
        line = process.stdout.readline()
        process.kill()
    (taken,) = watch.read([line.strip()])
    return taken
