"""What a build takes of its host, watched from outside of what the build can touch: disk, processes, the disk's rest.

LXD's own quota (`size` of the root disk) is not used: on btrfs it needs quota groups for the whole pool, which make
every clone's removal slower, so that the running apps pay, and a nested host does not enforce them at all. The
container's root, which the build is not, counts instead (`scripts/watch`). Memory is limited by LXD and the kernel.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from hokku.settings import Settings

_SCRIPT = Path(__file__).parent / "scripts" / "watch"
_RESERVE = 512 * 1024**2  # bytes of the host's disk that no build takes
_CROWDED = 3  # looks in a row
_LONGEST = 200  # bytes of a line


@dataclass(frozen=True)
class Taken:
    """What a build takes now: bytes on disk, processes; `free`: bytes that are left on its host's disk."""

    disk: int
    processes: int
    free: int


def command(settings: Settings, user: int) -> list[str]:
    """The watch of what `user` writes, to be run as root of the container, in which it needs no file that the build
    could change."""
    return ["/usr/bin/python3", "-I", "-c", _SCRIPT.read_text(), str(settings.build_disk * 1024**2), str(user)]


class Reader:
    """Puts the watch's output together, and calls `ended` once, with the sentence that ends the build."""

    def __init__(self, settings: Settings, ended: Callable[[str], None]) -> None:
        self._settings, self._ended = settings, ended
        self._rest, self._crowded, self._over = b"", 0, False

    def __call__(self, data: bytes) -> None:
        """Bytes as they come."""
        *lines, self._rest = (self._rest + data).split(b"\n")
        self._rest = self._rest[-_LONGEST:]
        for taken in read(lines):
            self._crowded = self._crowded + 1 if taken.processes >= self._settings.build_processes * 0.9 else 0
            sentence = judge(taken, self._crowded, self._settings)
            if sentence is not None and not self._over:
                self._over = True
                self._ended(sentence)


def read(lines: Iterable[bytes]) -> Iterator[Taken]:
    """What the lines say; one that says nothing (a warning of the interpreter) is passed over."""
    for line in lines:
        words = line.split()
        if len(words) == 3 and all(word.isdigit() for word in words):
            yield Taken(*(int(word) for word in words))


def judge(taken: Taken, crowded: int, settings: Settings) -> str | None:
    """The sentence that ends a build which takes too much; `crowded`: looks in a row with nearly all its processes."""
    if taken.disk > settings.build_disk * 1024**2:
        return f"The build wrote more than {settings.build_disk} MB to its disk: have it write less, and push again."
    if crowded >= _CROWDED:
        return (
            f"The build had all of the {settings.build_processes} processes that it may have: "
            "have it start fewer, and push again."
        )
    if taken.free < _RESERVE:
        return "The dyno host's disk is nearly full, and running apps need the rest: push again later."
    return None
