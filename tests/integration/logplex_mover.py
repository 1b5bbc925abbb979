"""Run the mover as a process of its own, to be killed: PORT PASSWORD APP_OF_SLOT_0 APP_OF_SLOT_1 …"""

from __future__ import annotations

import logging
import sys
from datetime import UTC, datetime, timedelta
from uuid import UUID

import redis

from hokku.logplex import consume
from hokku.logplex.places import Places
from hokku.store.places import Place

if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO)
    port, password, *apps = sys.argv[1:]
    consume.HISTORY = 1_000_000  # so that the test can see every line that ever came
    since = datetime(2020, 1, 1, tzinfo=UTC)
    places = Places(lambda host, slot, at: Place(UUID(apps[slot]), f"web.{slot + 1}", since, None), timedelta(300))
    client = redis.Redis(port=int(port), password=password)
    consume.Mover(client, places).run(lambda: False)
