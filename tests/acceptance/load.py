"""Continuous load: keep-alive clients on every router that count each answer, and never forgive one."""

from __future__ import annotations

import collections
import http.client
import threading
import time
from dataclasses import dataclass, field
from typing import Self

from platform_client import App


@dataclass
class Load:
    """`with Load(app) as load:` sends requests all the time through all routers; then look at `failed`, `answers`.

    Anything but a 200 counts as failed: other statuses, resets, timeouts. A connection that the router closed cleanly
    between two requests is no failure: RFC 9112, 9.3.1, has the client open a new one and try again, once.
    """

    app: App
    clients: int = 4
    pause: float = 0.005
    path: str = "/"
    answers: collections.Counter[str] = field(default_factory=collections.Counter)
    failed: list[str] = field(default_factory=list)
    seen: list[tuple[float, str]] = field(default_factory=list)

    def __enter__(self) -> Self:
        self._stop = threading.Event()
        self._threads = [
            threading.Thread(target=self._client, args=(address,), daemon=True)
            for address in self.app.platform.routers
            for _ in range(self.clients)
        ]
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join(60)

    @property
    def sent(self) -> int:
        return sum(self.answers.values()) + len(self.failed)

    def _client(self, address: str) -> None:
        host, port = address.split(":")
        connection: http.client.HTTPConnection | None = None
        while not self._stop.is_set():
            fresh = connection is None
            connection = connection or http.client.HTTPConnection(host, int(port), timeout=40)
            began = time.time()
            try:
                connection.request("GET", self.path, headers={"Host": self.app.host})
                answer = connection.getresponse()
                body = answer.read().decode(errors="replace")
            except (http.client.RemoteDisconnected, BrokenPipeError, ConnectionResetError) as error:
                connection.close()
                connection = None
                if fresh or (
                    isinstance(error, ConnectionResetError) and not isinstance(error, http.client.RemoteDisconnected)
                ):
                    self.failed.append(f"{began:.3f} {address} {error!r}")
                continue
            except (OSError, http.client.HTTPException) as error:
                connection.close()
                connection = None
                self.failed.append(f"{began:.3f} {address} {error!r}")
                continue
            if answer.status == 200:
                self.answers[body] += 1
                self.seen.append((began, body))
            else:
                self.failed.append(f"{began:.3f} {address} {answer.status} {body[:200]!r}")
            if answer.will_close:
                connection.close()
                connection = None
            time.sleep(self.pause)
