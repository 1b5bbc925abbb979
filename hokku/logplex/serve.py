"""The service hokku-logplex: the mover of lines in a thread, the streams over HTTPS."""

from __future__ import annotations

import threading
from datetime import timedelta

import uvicorn

from hokku.logplex.consume import Mover
from hokku.logplex.places import Places
from hokku.logplex.redis import async_client, client
from hokku.logplex.streams import application
from hokku.settings import settings
from hokku.store.places import place


def main() -> None:
    """Serve until SIGTERM; open tails are closed, their readers come again and miss nothing."""
    at = settings()
    ending = threading.Event()
    mover = Mover(client(), Places(place, timedelta(seconds=at.slot_quarantine)))
    moving = threading.Thread(target=mover.run, args=(ending.is_set,), name="mover", daemon=True)
    moving.start()
    server: uvicorn.Server | None = None
    service = application(async_client(), lambda: server is not None and server.should_exit)
    server = uvicorn.Server(
        uvicorn.Config(
            service,
            host=at.api_listen,
            port=at.logs_port,
            ssl_certfile=str(at.cert_file),
            ssl_keyfile=str(at.key_file),
            timeout_graceful_shutdown=4,
            log_level="warning",
            server_header=False,
        )
    )
    try:
        server.run()
    finally:
        ending.set()
        moving.join(5)
