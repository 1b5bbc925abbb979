"""`hokku api`: the application behind TLS."""

from __future__ import annotations

import asyncio
import logging
import socket
import ssl

import uvicorn

from hokku.api.application import create
from hokku.settings import settings

GRACE = 10  # seconds that requests in flight get when the service stops; its unit gives 15


class Server(uvicorn.Server):
    """Stops when its requests are done: idle clients that do not answer TLS's goodbye are not waited for."""

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Stop listening, let requests finish for at most GRACE seconds, then close."""
        hanging = asyncio.create_task(self._leave_idle())
        try:
            await super().shutdown(sockets)
        finally:
            hanging.cancel()

    async def _leave_idle(self) -> None:
        while True:
            await asyncio.sleep(0.3)
            if not self.server_state.tasks:
                for connection in list(self.server_state.connections):
                    connection.transport.abort()


def server() -> Server:
    """A server for the addresses and certificates of the settings."""
    known = settings()
    config = uvicorn.Config(
        create(),
        host=known.api_listen,
        port=known.api_port,
        ssl_certfile=str(known.cert_file),
        ssl_keyfile=str(known.key_file),
        timeout_graceful_shutdown=GRACE,
        timeout_keep_alive=65,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        log_config=None,
        lifespan="on",
    )
    config.load()
    if config.ssl is not None:
        config.ssl.minimum_version = ssl.TLSVersion.TLSv1_2
    return Server(config)


def main() -> None:
    """Serve until SIGTERM, then let requests in flight finish."""
    for quiet in ("uvicorn.error", "uvicorn.access"):
        logging.getLogger(quiet).setLevel(logging.WARNING)
    logging.getLogger("hokku.api").info("serving on %s:%d", settings().api_listen, settings().api_port)
    server().run()
