"""An output on its way to the database: gathered for a moment, never longer, in order, bounded."""

from __future__ import annotations

import codecs
import logging
import math
import threading
from collections.abc import Callable
from types import TracebackType
from typing import Self

from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from hokku.store.engine import session

log = logging.getLogger(__name__)

_GATHER = 0.1  # seconds between the first text and its way to the database
_KEPT = 20 * 1024 * 1024  # characters kept of what a command writes; what the platform says is kept in any case
_LEFT_OUT = "\n !     The output is longer than 20 MB: the rest is left out.\n"
_GIVE_UP = 60  # attempts to reach the database


class Output:
    """Takes text and bytes from one thread; another writes them with `append`. Leaving the block writes the rest.

    `flooded` is called once, when commands have written more than `most` bytes.
    """

    def __init__(
        self,
        name: str,
        append: Callable[[Session, str], None],
        most: float = math.inf,
        flooded: Callable[[], None] = lambda: None,
    ) -> None:
        self._name, self._append = name, append
        self._left, self._flooded = most, flooded
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._lock = threading.Lock()
        self._waiting: list[str] = []
        self._size = 0  # characters of commands
        self._news = threading.Event()
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._write, name=f"output of {name}", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, kind: type | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.flush()

    def raw(self, data: bytes) -> None:
        """What a command wrote; beyond 20 MB it is counted and left out."""
        if self._left >= 0:
            self._left -= len(data)
            if self._left < 0:
                self._flooded()
        if self._size > _KEPT:
            return
        text = self._decoder.decode(data)
        self._size += len(text)
        self.say(text if self._size <= _KEPT else _LEFT_OUT)

    def say(self, text: str) -> None:
        """Text, with its line ends."""
        with self._lock:
            self._waiting.append(text)
        self._news.set()

    def bang(self, sentence: str) -> None:
        """A refusal as Heroku prints it."""
        self.say(f" !     {sentence}\n")

    def flush(self) -> None:
        """Everything said is in the database when this returns; nothing can be said afterwards."""
        self._over.set()
        self._news.set()
        self._thread.join()

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
                    self._append(opened, text)
                return
            except SQLAlchemyError as error:
                log.warning("%s: output waits for the database: %s", self._name, type(error).__name__)
                threading.Event().wait(1)
        log.error("%s: %d characters of output are lost", self._name, len(text))
