"""One command in a running dyno: begun through LXD's exec, fed and read through its WebSockets, and its exit status.

What is to be run stands in a root-only file of the dyno, which `dyno-init enter` reads and removes: LXD, whose
operations any client of the cluster can list, learns neither the command nor its environment.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from hokku.manifold import lifecycle
from hokku.manifold.lxd import LxdError, Member
from hokku.manifold.template import entries
from hokku.oneoff.websocket import WebSocket
from hokku.settings import Settings
from hokku.store.oneoffs import Order

log = logging.getLogger(__name__)

INIT = "/usr/lib/hokku/dyno-init"
HANG_UP = 1  # SIGHUP
_LEAVE = 0.5  # seconds that a command gets to end by itself when its client has gone
_GRACE = 3.0  # seconds that it gets after SIGHUP
_LAST = 4.0  # seconds that LXD gets to tell the status of one that has ended
_LOOK = 5  # seconds that the first question for the exit status waits; later ones take a second
_LONGEST_PAUSE = 15.0  # seconds between two questions
_SIZE = (80, 24)
_workers = ThreadPoolExecutor(32, "lxd")  # LXD's short answers are waited for in threads; streams take none


@dataclass(frozen=True)
class Request:
    """What to run, and in what: a terminal of so many columns and lines, or pipes."""

    order: Order
    tty: bool

    @property
    def size(self) -> tuple[int, int]:
        """Columns and lines of the client's terminal, as its environment tells them."""
        told = (self.order.env.get(name, "") for name in ("COLUMNS", "LINES"))
        found = [int(text) if text.isascii() and text.isdigit() and 0 < int(text[:6]) < 10000 else 0 for text in told]
        return (found[0] or _SIZE[0], found[1] or _SIZE[1])

    @property
    def session(self) -> bytes:
        """The file that `dyno-init enter` reads."""
        env = {**({"TERM": "xterm"} if self.tty else {}), **self.order.env}
        return entries({"command": self.order.script}) + entries(env)


class TooOld(LxdError):
    """The dyno is from before an upgrade of the platform, and nothing can be executed in it."""


class Executor(Member):
    """A cluster member with what terminals need."""

    def begin(self, instance: str, session: str, request: Request) -> Mapping[str, Any]:
        """Put the session's file into the dyno and have it run; LXD's operation. Raises TooOld."""
        if self.instance(instance).config.get(lifecycle.ENTER) != "true":
            raise TooOld(f"{instance} has an old dyno-init")
        self.push(instance, f"/var/lib/hokku/session-{session}", request.session, mode=0o600)
        columns, lines = request.size
        body = {
            "command": [INIT], "environment": {"HOKKU_MODE": "enter", "HOKKU_SESSION": session},
            "interactive": request.tty, "width": columns, "height": lines,
            "wait-for-websocket": True, "record-output": False,
        }  # fmt: skip
        return self._call("post", "instances", instance, "exec", json=body).json()["metadata"]

    def status(self, operation: str, seconds: int) -> int | None:
        """The exit status of a command; None when it still runs then. Raises LxdError when it was lost."""
        ended = self._get("operations", operation, "wait", params={"timeout": seconds}, timeout=seconds + 5)
        if ended["status_code"] < 200:
            return None
        status = (ended.get("metadata") or {}).get("return")
        if status is None:
            raise LxdError(ended.get("err") or "the command was lost")
        return int(status)


class Execution:
    """A command that runs. Raises OSError when the dyno's host is lost, LxdError when LXD refuses."""

    def __init__(self, executor: Executor, operation: str, streams: Mapping[str, WebSocket], tty: bool) -> None:
        self._executor, self._operation = executor, operation
        self._streams = streams
        self._output = streams["0" if tty else "1"]
        self._over = False

    @classmethod
    async def begin(cls, executor: Executor, instance: str, session: str, request: Request) -> Execution:
        """Begin it; its output waits for who reads it."""
        operation = await _in_thread(executor.begin, instance, session, request)
        fds = operation["metadata"]["fds"]
        streams: dict[str, WebSocket] = {}
        try:
            for name in sorted(fds, reverse=True):  # "control" first: it begins when the others are there
                resource = f"/1.0/operations/{operation['id']}/websocket?secret={fds[name]}"
                streams[name] = await WebSocket.open(executor.where, resource)
        except BaseException:
            for stream in streams.values():
                stream.abort()
            raise
        return cls(executor, operation["id"], streams, request.tty)

    async def read(self) -> bytes:
        """What it wrote; b"" once it has ended and all was read."""
        data = await self._output.receive()
        self._over = not data
        return data

    async def write(self, data: bytes) -> None:
        """Give it input; returns when it is likely to take more."""
        await self._streams["0"].send(data)

    async def end_input(self) -> None:
        """There is no more input. Not for a terminal, whose ^D is a byte."""
        await self._streams["0"].say("")

    async def status(self, wanted: Callable[[], bool] = lambda: True) -> int | None:
        """Its exit status, after its output ended; one that closed its output and runs on is waited for while `wanted`.

        Such a one is asked after ever more rarely: each question takes one of the threads that all terminals share.
        """
        for stream in self._streams.values():  # LXD waits for that
            await stream.close()
        status, pause, seconds = None, 0.0, _LOOK
        while wanted():
            status = await _in_thread(self._executor.status, self._operation, seconds)
            if status is not None:
                break
            pause, seconds = min(pause + 1.0, _LONGEST_PAUSE), 1
            await asyncio.sleep(pause)
        return status

    async def ends_by_itself(self) -> bool:
        """Whether it ends now that its client has gone: one that was told the exit status leaves before the end."""
        return await self._drained(_LEAVE)

    async def hang_up(self) -> int | None:
        """Nobody wants its output any more: SIGHUP, and three seconds to end. Its exit status, if it told one."""
        signal = json.dumps({"command": "signal", "signal": HANG_UP})
        try:
            await self._streams["control"].say(signal)
            if not await self._drained(_GRACE):
                return None
            async with asyncio.timeout(_LAST):
                return await self.status()
        except (OSError, LxdError, TimeoutError):
            return None

    async def _drained(self, seconds: float) -> bool:
        """Whether its output ended within that time; what comes is read and let go."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                while not self._over:
                    await self.read()
        return self._over

    async def close(self) -> None:
        """Let go of it. LXD kills what still runs when the control stream breaks off."""
        for name, stream in self._streams.items():
            if self._over or name != "control":
                await stream.close()
            else:
                stream.abort()


async def _in_thread(work: Any, *arguments: Any) -> Any:
    return await asyncio.get_running_loop().run_in_executor(_workers, work, *arguments)


def executors(settings: Settings) -> dict[str, Executor]:
    """A driver for each dyno host of the inventory, by name."""
    return {host.name: Executor(host, settings) for host in settings.dyno_hosts}
