"""How much a slug unpacks to, counted while it is fetched: a few megabytes of zstd hold terabytes, and each dyno host
that the app is on unpacks them."""

from __future__ import annotations

import subprocess
import threading
from collections.abc import Iterable, Iterator

_CHUNK = 1024 * 1024


class TooMuch(Exception):
    """It unpacks to more than it may."""


class Broken(Exception):
    """It is no whole zstd archive, or one that needs more than zstd's usual 128 MB to open."""


def bounded(chunks: Iterable[bytes], most: int) -> Iterator[bytes]:
    """`chunks` as they are. Raises TooMuch, perhaps after some of them, when they unpack to more than `most` bytes, and
    Broken."""
    with subprocess.Popen(
        ["zstd", "--quiet", "--decompress", "--stdout"],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
    ) as opener:  # fmt: skip
        over = threading.Event()
        counter = threading.Thread(target=_count, args=(opener, most, over), name="unpacked", daemon=True)
        counter.start()
        try:
            for chunk in chunks:
                opener.stdin.write(chunk)
                yield chunk
            opener.stdin.close()
            opener.wait()
        except BrokenPipeError:  # it gave up, or was ended by the counter
            opener.wait()
        finally:
            opener.kill()
            counter.join()
            try:
                opener.stdin.close()
            except BrokenPipeError:  # what it did not take any more
                pass
    if over.is_set():
        raise TooMuch(f"more than {most} bytes")
    if opener.returncode != 0:
        raise Broken("zstd cannot read it to its end")


def _count(opener: subprocess.Popen[bytes], most: int, over: threading.Event) -> None:
    size = 0
    while data := opener.stdout.read(_CHUNK):
        size += len(data)
        if size > most:
            over.set()
            opener.kill()
            return
