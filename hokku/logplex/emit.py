"""How the platform's own parts write into an application's log. Never raises, never waits for Redis."""

from __future__ import annotations

import atexit
import json
import logging
import os
import socket
import threading
import time
import uuid
from collections import deque
from datetime import datetime
from itertools import count

from hokku.logplex.lines import timestamp
from hokku.logplex.redis import INBOX, writer
from hokku.store.tables import now

_log = logging.getLogger(__name__)
_MOST_WAITING = 10_000  # lines
_BATCH = 500


class _Sender:
    """A queue of lines and the thread that pushes them; lines beyond 10,000 are dropped and counted for each app."""

    def __init__(self) -> None:
        self.pid = os.getpid()
        self.run = uuid.uuid4().hex
        self.numbers = count(1)
        self.waiting: deque[str] = deque()
        self.dropped: dict[str, tuple[int, datetime]] = {}
        self.changed = threading.Condition()
        threading.Thread(target=self._push_for_ever, name="emit", daemon=True).start()

    def add(self, app_id: str, text: str, process: str, source: str, at: datetime) -> None:
        with self.changed:
            if len(self.waiting) >= _MOST_WAITING:
                lost, since = self.dropped.get(app_id, (0, at))
                self.dropped[app_id] = lost + 1, since
                return
            self._append(app_id, text, process, source, at)
            self.changed.notify_all()

    def _append(self, app_id: str, text: str, process: str, source: str, at: datetime) -> None:
        line = {"k": "app", "host": socket.gethostname(), "run": self.run, "seq": next(self.numbers), "app": app_id}
        line |= {"src": source, "ps": process, "t": timestamp(at), "m": text}
        self.waiting.append(json.dumps(line))

    def _push_for_ever(self) -> None:
        while True:
            with self.changed:
                self.changed.wait_for(lambda: self.waiting)
                batch = [self.waiting[i] for i in range(min(_BATCH, len(self.waiting)))]
            try:
                writer().rpush(INBOX, *batch)  # pushed twice after a lost answer: the numbers tell
            except Exception as error:  # whatever it is, the caller must not notice and lines must not be lost
                _log.warning("%d lines wait for Redis: %s", len(self.waiting), error)
                time.sleep(1)
                continue
            with self.changed:
                for _ in batch:
                    self.waiting.popleft()
                self._tell_drops()
                self.changed.notify_all()

    def _tell_drops(self) -> None:
        for app_id, (lost, since) in self.dropped.items():
            said = f"Error L12 (local buffer overflow): {lost} messages dropped since {timestamp(since)}."
            self._append(app_id, said, "logplex", "heroku", now())
        self.dropped.clear()

    def flush(self, seconds: float) -> bool:
        with self.changed:
            return self.changed.wait_for(lambda: not self.waiting, seconds)


_sender: _Sender | None = None
_making = threading.Lock()


def _the_sender() -> _Sender:
    global _sender
    with _making:
        if _sender is None or _sender.pid != os.getpid():  # threads do not survive a fork
            _sender = _Sender()
            atexit.register(flush)
        return _sender


def emit(app_id: object, text: str, *, process: str = "api", source: str = "app", at: datetime | None = None) -> None:
    """Write `text` into the application's log as `source[process]`; each line of it is a line there.

    Returns at once. While Redis is away up to 10,000 lines wait; further ones are dropped, counted and told (L12).
    """
    try:
        for line in text.splitlines() or [""]:
            _the_sender().add(str(app_id), line, process, source, at or now())
    except Exception:
        _log.exception("a line of app %s is lost", app_id)


def flush(seconds: float = 1.0) -> bool:
    """Wait until everything emitted was pushed, at most `seconds`; False when some still waits."""
    sender = _sender
    return sender is None or sender.pid != os.getpid() or sender.flush(seconds)
