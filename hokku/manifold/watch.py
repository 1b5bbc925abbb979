"""Lifecycle events of the cluster: what ended is known at once. A lost event costs seconds, never truth."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any

from hokku.manifold.hosts import DynoHost
from hokku.manifold.lxd import LxdError
from hokku.manifold.model import Presence
from hokku.steady import keep_on

log = logging.getLogger(__name__)

PAUSE = 2.0  # seconds before a member whose events broke off is asked again
_MEANING = {
    "instance-started": Presence.RUNNING,
    "instance-stopped": Presence.STOPPED,
    "instance-shutdown": Presence.STOPPED,
    "instance-deleted": Presence.GONE,
}


def follow(host: DynoHost, happened: Callable[[str, Presence], None]) -> None:
    """Call `happened(instance, what it is now)` for each event of the host's instances, for ever, from a thread."""

    def received(event: Mapping[str, Any]) -> None:
        about = event.get("metadata") or {}
        meaning = _MEANING.get(about.get("action", ""))
        if meaning is not None and event.get("location", host.name) == host.name:
            happened(about.get("source", "").partition("?")[0].rpartition("/")[2], meaning)

    def run() -> None:
        try:
            host.member.follow(lambda: log.info("events of %s are followed", host.name), received)
        except (LxdError, OSError, ValueError, RuntimeError) as error:
            log.debug("events of %s: %s", host.name, error)
        time.sleep(PAUSE)

    loop = (f"following the events of {host.name}", run)
    threading.Thread(target=keep_on, args=loop, name=f"events-{host.name}", daemon=True).start()
