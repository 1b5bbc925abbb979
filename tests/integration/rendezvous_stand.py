"""The rendezvous on loopback with its TLS and its database; where a dyno would be, commands are processes of this
computer between pipes."""

from __future__ import annotations

import asyncio
import contextlib
import os
import select
import signal
import socket
import ssl
import threading
import time
from pathlib import Path

from hokku.oneoff.reach import Server
from hokku.oneoff.serve import run
from hokku.settings import Settings
from hokku.store import oneoffs
from tests.integration.logplex_stand import Authority
from tests.integration.loopback import free_port


class LocalCommand:
    """What an execution in a dyno is, for a local process."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.process = process
        self.given = 0
        self.taken = 0

    async def read(self) -> bytes:
        data = await self.process.stdout.read(16384)
        self.taken += len(data)
        return data

    async def write(self, data: bytes) -> None:
        self.given += len(data)
        self.process.stdin.write(data)
        await self.process.stdin.drain()

    async def end_input(self) -> None:
        self.process.stdin.close()

    async def status(self, wanted=lambda: True) -> int:
        return await self.process.wait()

    async def ends_by_itself(self) -> bool:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(0.5):
                await self.process.wait()
        return self.process.returncode is not None

    async def hang_up(self) -> int | None:
        os.killpg(self.process.pid, signal.SIGHUP)
        return 128 - await self.process.wait()

    async def close(self) -> None:
        if self.process.returncode is None:
            os.killpg(self.process.pid, signal.SIGKILL)


class LocalServer(Server):
    """Executes on this computer."""

    def __init__(self) -> None:
        super().__init__("rendezvous", {})
        self.commands: dict[str, LocalCommand] = {}

    async def begin(self, terminal, place):
        script = oneoffs.unseal(terminal.sealed).script
        process = await asyncio.create_subprocess_exec(
            "bash", "-c", script, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT, start_new_session=True, limit=65536,
        )  # fmt: skip
        self.commands[str(terminal.id)] = LocalCommand(process)
        return self.commands[str(terminal.id)]


class Stand:
    """A running rendezvous; `connect` is a client."""

    def __init__(self, folder: Path, platform: Settings) -> None:
        authority = Authority(folder)
        authority.certify("localhost")
        self.port = free_port()
        files = {"cert_file": folder / "localhost.crt", "key_file": folder / "localhost.key"}
        self._settings = platform.model_copy(update={"rendezvous_port": self.port, **files})
        self._context = ssl.create_default_context(cafile=str(folder / "ca.crt"))
        self.start()

    def start(self) -> None:
        """Begin to serve."""
        ready = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._serve(ready)), daemon=True)
        self._thread.start()
        assert ready.wait(20)

    async def _serve(self, ready: threading.Event) -> None:
        watcher = asyncio.PidfdChildWatcher()  # the usual one has a thread for each process
        watcher.attach_loop(asyncio.get_running_loop())
        asyncio.set_child_watcher(watcher)
        self.server, self._loop, self._stopping = LocalServer(), asyncio.get_running_loop(), asyncio.Event()
        listening = asyncio.Event()
        serving = asyncio.create_task(run(self._settings, self.server, listening, self._stopping))
        await listening.wait()
        ready.set()
        await serving

    def stop(self) -> None:
        """As systemd stops it."""
        self._loop.call_soon_threadsafe(self._stopping.set)
        self._thread.join(20)
        assert not self._thread.is_alive()

    def connect(self) -> ssl.SSLSocket:
        """A TLS connection that nothing was said on yet."""
        plain = socket.create_connection(("127.0.0.1", self.port), 20)
        return self._context.wrap_socket(plain, server_hostname="localhost")


def exchanged(client: ssl.SSLSocket, content: bytes, *, within: float = 60.0) -> bytes:
    """Send the content, and give what comes meanwhile and until the other side ends it.

    In one thread: a TLS connection that one thread reads and another writes takes some of either for its end.
    """
    found, deadline = b"", time.monotonic() + within
    client.setblocking(False)
    while True:
        assert time.monotonic() < deadline, f"{len(found)} bytes came, {len(content)} are still to be sent"
        with contextlib.suppress(ssl.SSLWantReadError, ssl.SSLWantWriteError):
            content = content[client.send(content[:65536]) :] if content else content
        with contextlib.suppress(ssl.SSLWantReadError, ssl.SSLWantWriteError):
            while data := client.recv(65536):
                found += data
            return found
        select.select([client], [client] if content else [], [], 1.0)


def everything(client: ssl.SSLSocket) -> bytes:
    """What comes until the other side ends it."""
    found = b""
    while data := client.recv(65536):
        found += data
    return found
