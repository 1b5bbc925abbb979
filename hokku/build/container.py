"""A throw-away container to build in: on the least busy dyno host, capped, removed whatever happens."""

from __future__ import annotations

import hashlib
import logging
import threading
import time
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import BinaryIO

import requests

from hokku.build import watch
from hokku.build.websocket import WebSocket
from hokku.manifold import images, names, stock
from hokku.manifold.lxd import CONNECT, LONG, Instance, LxdError, Member, NotFound, Unreachable
from hokku.settings import Host, Settings
from hokku.store import hosts as operated
from hokku.store.engine import session
from hokku.store.patience import insist

log = logging.getLogger(__name__)

DYNO = 1000  # user and group that everything of the tenant's runs as
_ADDRESSES = 250  # 10.99.255.1 … .250 are for builds: far from the dynos' slots
_CHUNK = 1024 * 1024
_WATCHES = 4  # times that the watch of one container is begun
_REMOVALS, _AGAIN = 60, 10.0  # times that a removal which failed is tried again, and seconds between two
_USER = {"PATH": "/usr/bin:/bin"}
_ROOT = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin"}


# LXD would read as root, take a link for a file, and wait for a pipe: what the app made is read as user dyno.
_READ = '[ -e "$0" ] || [ -L "$0" ] || exit 2; [ -f "$0" ] || exit 3; exec timeout 10 head -c "$1" -- "$0"'
_ABSENT = 2


class NoHost(LxdError):
    """No dyno host is online."""


class NotReadable(Exception):
    """A file of the app that is there, and is none: a pipe, a device, a link to nowhere, or forbidden to user dyno."""


class Builder(Member):
    """A cluster member with what only builds need: commands with their output, and files as streams."""

    def execute(
        self,
        name: str,
        argv: list[str],
        environment: Mapping[str, str],
        wrote: Callable[[bytes], None],
        timeout: float,
        user: int = DYNO,
    ) -> int:
        """Run a command (as user dyno) and give its output (both streams) to `wrote` as it comes; its exit status.

        No file of it gets larger than all that a build may write, and none is a core dump.
        """
        most = self._settings.build_disk * 1024
        body = {
            "command": ["/bin/bash", "-c", 'ulimit -c 0 -f "$0"; exec "$@" 2>&1', str(most), *argv],
            "environment": dict(environment), "user": user, "group": user, "cwd": "/tmp",
            "interactive": False, "wait-for-websocket": True, "record-output": False,
        }  # fmt: skip
        operation = self._call("post", "instances", name, "exec", json=body).json()["metadata"]
        opened: list[WebSocket] = []
        try:
            try:
                for stream in ("0", "1", "2"):
                    secret = operation["metadata"]["fds"][stream]
                    resource = f"/1.0/operations/{operation['id']}/websocket?secret={secret}"
                    opened.append(WebSocket(self.where, resource, CONNECT))
                opened[0].end_input()
                for data in opened[1].messages():
                    wrote(data)
            except OSError as error:
                raise Unreachable(f"{self.host.name} lost the build: {error}") from None
            return self._status(operation["id"], timeout)
        finally:
            for each in opened:
                each.close()

    def _status(self, operation: str, timeout: float) -> int:
        ended = self._get("operations", operation, "wait", params={"timeout": int(timeout)}, timeout=timeout + 5)
        status = (ended.get("metadata") or {}).get("return")
        if status is None:
            raise LxdError(ended.get("err") or "the command was lost")
        return int(status)

    def pull(self, name: str, path: str) -> Iterator[bytes]:
        """A file of the instance in pieces; raises NotFound."""
        answer = self._call(
            "get", "instances", name, "files", params={"path": path}, is_api=False, stream=True, timeout=LONG
        )
        with answer:
            try:
                yield from answer.iter_content(_CHUNK)
            except requests.exceptions.RequestException as error:  # it is a pipe that nobody writes to, or LXD went
                raise Unreachable(f"{path} could not be read: {error}") from None

    def read_some(self, name: str, path: str, limit: int) -> bytes | None:
        """The first `limit` + 1 bytes at most of a file; None when it is not there."""
        content = b""
        try:
            for piece in self.pull(name, path):
                content += piece
                if len(content) > limit:
                    return content[: limit + 1]
        except NotFound:
            return None
        return content


def hosts(settings: Settings) -> list[Builder]:
    """A driver for each dyno host of the inventory."""
    return [Builder(host, settings) for host in settings.dyno_hosts]


def committed(instances: Iterable[Instance]) -> dict[str, int]:
    """MiB that the running instances of each host may take: what makes it busy."""
    total: dict[str, int] = {}
    for instance in instances:
        text = instance.config.get("limits.memory", "").removesuffix("MiB")
        if instance.status == "Running" and text.isdigit():
            total[instance.location] = total.get(instance.location, 0) + int(text)
    return total


def least_busy(builders: list[Builder]) -> Builder:
    """The online host with the least memory committed, of those that operators want active; raises NoHost."""
    while True:
        wanted = _open(builders)
        chosen = _least_busy(wanted)
        if chosen in _open(wanted):  # still: hosts may take long to answer
            return chosen


def _open(builders: list[Builder]) -> list[Builder]:
    def closed() -> set[str]:
        with session() as opened:
            return operated.closed(opened)

    left_out = insist(closed)
    return [each for each in builders if each.host.name not in left_out]


def _least_busy(builders: list[Builder]) -> Builder:
    for builder in builders:
        try:
            states, load = builder.members(timeout=5), committed(builder.instances(timeout=20))
        except LxdError as error:
            log.warning("%s", error)
            continue
        online = [each for each in builders if states.get(each.host.name, "").lower() == "online"]
        if online:
            return min(online, key=lambda each: (load.get(each.host.name, 0), each.host.name))
        break
    raise NoHost("no dyno host is online")


class Container:
    """The build's container on `host`."""

    def __init__(
        self, host: Builder, build_id: uuid.UUID, settings: Settings, exceeded: Callable[[str], None] = lambda _: None
    ) -> None:
        """`exceeded` gets the sentence that ends the build, should it take more of its host than it may."""
        self._host, self._build_id, self._settings = host, build_id, settings
        self._exceeded = exceeded
        self.name = names.build(build_id)
        self._removed, self._starts, self._up = False, 0, threading.Event()

    @property
    def host(self) -> Host:
        """Where it is."""
        return self._host.host

    def choose(self, alias: str) -> str:
        """The fingerprint of the image under the alias. Raises LxdError."""
        return images.choose(None, alias, self._host.images())

    def start(self, image: str) -> None:
        """Make it from the image with this fingerprint and start it; what is there under its name goes first."""
        self._up.clear()
        self._starts += 1
        self._host.delete(self.name)
        address = self._free_address()
        devices = names.root({"eth0": names.card(address, self._settings)})
        stock.clone(self._host, self.name, image, self._config(address), devices)
        self._host.start(self.name)
        self._must_stand()
        self._up.set()
        if self._starts == 1:
            threading.Thread(target=self._watch, name=f"watch-{self.name}", daemon=True).start()

    def _watch(self) -> None:
        """Look at what the build takes for as long as it stands; a watch that was killed is begun again a few times."""
        read, argv = watch.Reader(self._settings, self._exceeded), watch.command(self._settings, DYNO)
        ended = 0
        while ended < _WATCHES:
            self._up.wait()
            starts = self._starts
            try:
                status = self._host.execute(self.name, argv, _ROOT, read, timeout=60, user=0)
                reason = f"status {status}"
                ended += 1
            except Unreachable as error:  # the build knows that, too
                reason = str(error)
            except LxdError as error:
                reason = str(error)
                ended += 1
            time.sleep(1.0)
            if self._removed:
                return
            if starts != self._starts:
                ended = 0  # it was made anew meanwhile
            log.info("%s: its watch ended and is begun again: %s", self.name, reason)
        self._exceeded("The build took so much of its container that it could not be watched: have it take less.")

    def run(self, argv: list[str], environment: Mapping[str, str], wrote: Callable[[bytes], None]) -> int:
        """Run a command in it as user dyno; its exit status. Raises LxdError when the container went meanwhile."""
        self._must_stand()
        status = self._host.execute(self.name, argv, environment, wrote, timeout=60)
        self._must_stand()
        return status

    def _must_stand(self) -> None:
        if self._removed:
            raise LxdError(f"{self.name} was removed")

    def push(self, path: str, content: bytes | BinaryIO) -> None:
        """Write a file of user dyno."""
        self._host.push(self.name, path, content, mode=0o600, uid=DYNO, gid=DYNO)

    def pull(self, path: str) -> Iterator[bytes]:
        """A file in pieces; raises NotFound."""
        return self._host.pull(self.name, path)

    def read(self, path: str, limit: int) -> bytes | None:
        """The first `limit` + 1 bytes at most of a file; None when it is not there."""
        return self._host.read_some(self.name, path, limit)

    def read_of_app(self, path: str, limit: int) -> bytes | None:
        """As `read`, for what the app may have made anything of. Raises NotReadable."""
        content: list[bytes] = []
        status = self.run(["/bin/bash", "-c", _READ, path, str(limit + 1)], _USER, content.append)
        if status == _ABSENT:
            return None
        if status != 0:
            raise NotReadable(path)
        return b"".join(content)[: limit + 1]

    def remove(self) -> None:
        """End and delete it; it is fine when it is gone. Where that fails, it is tried again for ten minutes."""
        self._removed = True
        self._up.set()
        for wait in (0.3, 1.0, 0.0):  # it may be ending by itself at this moment
            if self._delete():
                return
            time.sleep(wait)
        # the sweep leaves it alone while its build is under way, which may wait for the container's end
        threading.Thread(target=self._remove_later, name=f"remove-{self.name}", daemon=True).start()

    def _remove_later(self) -> None:
        for _ in range(_REMOVALS):
            time.sleep(_AGAIN)
            if self._delete():
                return
        log.warning("container %s is left for the sweep", self.name)

    def _delete(self) -> bool:
        try:
            self._host.delete(self.name)
        except LxdError as error:
            log.warning("container %s is not removed yet: %s", self.name, error)
            return False
        return True

    def _config(self, address: str) -> dict[str, str]:
        chosen = self._settings
        return names.labels("build", build=self._build_id) | {
            "raw.lxc": names.init_at(address, chosen),
            "boot.autostart": "false",
            "environment.HOKKU_MODE": "idle",
            "limits.memory": f"{chosen.build_memory}MiB",
            "limits.processes": str(chosen.build_processes),
            "limits.cpu.allowance": f"{chosen.build_cpu_shares}%",  # a weight: it binds only under contention
        }

    def _free_address(self) -> str:
        taken = [each.config.get("raw.lxc", "") for each in self._host.instances() if each.kind == "build"]
        first = int.from_bytes(hashlib.sha256(self._build_id.bytes).digest()[:2]) % _ADDRESSES
        for n in range(_ADDRESSES):
            address = f"10.99.255.{1 + (first + n) % _ADDRESSES}"
            if not any(f" {address}/" in raw for raw in taken):
                return address
        raise LxdError(f"{self._host.host.name} has {_ADDRESSES} builds under way")
