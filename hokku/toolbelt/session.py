"""The listener's life: as long as the CLI's."""

from __future__ import annotations

import asyncio
import socket
import ssl
import subprocess

from hokku.toolbelt.admission import Admission
from hokku.toolbelt.api import trust
from hokku.toolbelt.listener import Listener
from hokku.toolbelt.peer import Pool
from hokku.toolbelt.terminals import Terminals


def serve(
    admission: Admission,
    requests: socket.socket,
    terminals: socket.socket,
    certificate: ssl.SSLContext,
    process: subprocess.Popen[bytes],
) -> Listener:
    """Serve both sockets until the process has ended; raises ToolbeltError when the platform's CA is gone."""
    try:
        trusted = trust(admission.platform.ca_file)
    except Exception:
        process.kill()
        process.wait()
        raise
    offered = Terminals(terminals.getsockname()[1], trusted)
    listener = Listener(admission, Pool(trusted), offered.carry)
    asyncio.run(_serve(listener, offered, requests, terminals, certificate, process))
    return listener


async def _serve(
    listener: Listener,
    offered: Terminals,
    requests: socket.socket,
    terminals: socket.socket,
    certificate: ssl.SSLContext,
    process: subprocess.Popen[bytes],
) -> None:
    servers = [
        await asyncio.start_server(listener.serve, sock=requests),
        await asyncio.start_server(offered.serve, sock=terminals, ssl=certificate),
    ]
    await asyncio.to_thread(process.wait)
    for server in servers:
        server.close()
