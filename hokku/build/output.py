"""A build's output on its way to the database: gathered for a moment, never longer, in order, bounded."""

from __future__ import annotations

import codecs
import logging
import threading
import uuid
from types import TracebackType

from sqlalchemy.exc import SQLAlchemyError

from hokku.store import builds
from hokku.store.engine import session

log = logging.getLogger(__name__)

_GATHER = 0.1  # seconds between the first text and its way to the database
_MOST = 20 * 1024 * 1024  # characters kept of one build
_GIVE_UP = 60  # attempts to reach the database


class Output:
    """Takes text and bytes from one thread; another writes them. Leaving the block writes what is left."""

    def __init__(self, build_id: uuid.UUID) -> None:
        self._build_id = build_id
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._lock = threading.Lock()
        self._waiting: list[str] = []
        self._size = 0
        self._news = threading.Event()
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._write, name=f"output-{build_id.hex[:8]}", daemon=True)

    def __enter__(self) -> Output:
        self._thread.start()
        return self

    def __exit__(self, kind: type | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.flush()

    def raw(self, data: bytes) -> None:
        """What a command wrote."""
        self._add(self._decoder.decode(data))

    def say(self, text: str) -> None:
        """Text of the builder's own, with its line ends."""
        self._add(text)

    def step(self, title: str) -> None:
        """A heading as Heroku prints it."""
        self._add(f"-----> {title}\n")

    def detail(self, line: str) -> None:
        """A line below a heading."""
        self._add(f"       {line}\n")

    def bang(self, sentence: str) -> None:
        """A refusal."""
        self._add(f" !     {sentence}\n")

    def flush(self) -> None:
        """Everything said is in the database when this returns; nothing can be said afterwards."""
        self._over.set()
        self._news.set()
        self._thread.join()

    def _add(self, text: str) -> None:
        with self._lock:
            before, self._size = self._size, self._size + len(text)
            if self._size > _MOST:
                text = "\n !     The output is longer than 20 MB: the rest is left out.\n" if before <= _MOST else ""
            self._waiting.append(text)
        self._news.set()

    def _write(self) -> None:
        while True:
            self._news.wait()
            self._over.wait(_GATHER)
            self._news.clear()
            over = self._over.is_set()
            with self._lock:
                text, self._waiting = "".join(self._waiting), []
            if text:
                self._store(text)
            if over:
                return

    def _store(self, text: str) -> None:
        for _ in range(_GIVE_UP):
            try:
                with session() as opened:
                    builds.append_output(opened, self._build_id, text)
                return
            except SQLAlchemyError as error:
                log.warning("build %s: output waits for the database: %s", self._build_id, type(error).__name__)
                threading.Event().wait(1)
        log.error("build %s: %d characters of output are lost", self._build_id, len(text))
