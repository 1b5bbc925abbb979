"""Lifecycle events of the LXD members: each says "look now" at one host. A lost event costs seconds, never truth."""

from __future__ import annotations

import json
import logging
import threading
import time
from typing import Any

from ws4py.client import WebSocketBaseClient

from hokku.manifold.hosts import DynoHost
from hokku.manifold.lxd import LxdError

log = logging.getLogger(__name__)

PAUSE = 3.0  # seconds before a member whose events broke off is asked again
TELLING = ("instance-started", "instance-stopped", "instance-shutdown", "instance-deleted", "instance-restarted")


def follow(host: DynoHost) -> None:
    """Let the events of the host wake its looks, for ever, in a thread."""
    threading.Thread(target=_follow, args=(host,), name=f"events-{host.name}", daemon=True).start()


def _follow(host: DynoHost) -> None:
    class Events(WebSocketBaseClient):
        def __init__(self, *args: Any, **kwargs: Any) -> None:
            super().__init__(*args, **{**kwargs, "heartbeat_freq": 10.0, "exclude_headers": ["origin"]})

        def handshake_ok(self) -> None:
            host.look_now()

        def received_message(self, message: Any) -> None:
            event = json.loads(message.data)
            about = event.get("metadata") or {}
            if event.get("location", host.name) in (host.name, "none", "") and about.get("action") in TELLING:
                host.look_now()

    while True:
        try:
            host.member.events(Events).run()
        except (LxdError, OSError, ValueError, RuntimeError) as error:
            log.debug("events of %s: %s", host.name, error)
        time.sleep(PAUSE)
