"""The one driver of LXD: what the manifold (and the builder) ask of a cluster member, with typed answers and deadlines.

It is pylxd's transport with a session of our own. Every call goes to the member that has the instance, so that a member
that hangs holds up nobody else, and costs no forwarding. Answers are plain values; errors are the three classes below.
"""

from __future__ import annotations

import json
import os
import socket
import ssl
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, BinaryIO

os.environ.setdefault("PYLXD_WARNINGS", "none")

import pylxd
import pylxd.exceptions
import requests
import requests.adapters
from ws4py.client import WebSocketBaseClient
from ws4py.exc import HandshakeError

from hokku.manifold.websocket import Where
from hokku.settings import Host, Settings

CONNECT = 3.0  # seconds
QUICK = 10.0  # seconds for an answer without work behind it
LONG = 120.0  # seconds for an operation (copy, start, delete)
NAME = "lxd-cluster"  # every member shows the same certificate, and this is the name in it


class LxdError(Exception):
    """LXD refused or failed; the text is LXD's own."""


class NotFound(LxdError):
    """There is no such instance, file or image."""


class Unreachable(LxdError):
    """The member did not answer in time: nothing is known of what it did."""


@dataclass(frozen=True)
class Usage:
    """Bytes of memory in use, and of swap."""

    memory: int
    swap: int


@dataclass(frozen=True)
class Instance:
    """An instance as its member lists it. `status` is LXD's: Running, Stopped, Error, …"""

    name: str
    status: str
    location: str
    config: Mapping[str, str] = field(repr=False)

    @property
    def kind(self) -> str | None:
        """What it is for: dyno, template, build; None when it is not the platform's."""
        return self.config.get("user.hokku.kind")

    @property
    def slot(self) -> int | None:
        """The slot it occupies on its member."""
        text = self.config.get("user.hokku.slot", "")
        return int(text) if text.isdigit() else None


@dataclass(frozen=True)
class Image:
    """An image of the cluster. `properties` are those that the Ansible module stack_image gave it."""

    fingerprint: str
    aliases: frozenset[str] = frozenset()
    properties: Mapping[str, str] = field(default_factory=dict)


class _Adapter(requests.adapters.HTTPAdapter):
    """Expects the cluster's name in the certificate, whichever member's address is called."""

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, assert_hostname=NAME, **kwargs)


class _Events(WebSocketBaseClient):
    """A websocket that checks the certificate as `_Adapter` does, and hands each message on."""

    def __init__(self, url: str, context: ssl.SSLContext, received: Callable[[Mapping[str, Any]], None]) -> None:
        super().__init__(url, exclude_headers=["origin"])
        for option, value in ((socket.TCP_KEEPIDLE, 10), (socket.TCP_KEEPINTVL, 5), (socket.TCP_KEEPCNT, 3)):
            self.sock.setsockopt(socket.IPPROTO_TCP, option, value)
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        self.sock.settimeout(CONNECT)
        self.sock = context.wrap_socket(self.sock, server_hostname=NAME)
        self._is_secure, self.scheme = True, "ws"  # wrapped already
        self._received = received

    def received_message(self, message: Any) -> None:
        self._received(json.loads(message.data))


class Member:
    """One member of the cluster. Thread-safe; its connections are kept and renewed when they break."""

    def __init__(self, host: Host, settings: Settings) -> None:
        self.host = host
        self._settings = settings
        self._lock = threading.Lock()
        self._client: pylxd.Client | None = None

    @cached_property
    def where(self) -> Where:
        """For WebSockets."""
        return Where(self.host.address, self._settings.lxd_port, self._tls(), NAME)

    # -- looking --

    def ping(self, timeout: float = QUICK) -> None:
        """Raises Unreachable when the member does not answer."""
        self._get(timeout=timeout)

    def instances(self, timeout: float = QUICK) -> list[Instance]:
        """The cluster's instances, as this member gathers them from all."""
        listed = self._get("instances", params={"recursion": "1"}, timeout=timeout)
        return [
            Instance(each["name"], each["status"], each.get("location", ""), each.get("config") or {})
            for each in listed
        ]  # fmt: skip

    def members(self, timeout: float = QUICK) -> dict[str, str]:
        """The cluster's members as this one sees them: name to Online, Offline, Evacuated, …"""
        listed = self._get("cluster", "members", params={"recursion": "1"}, timeout=timeout)
        return {each["server_name"]: each["status"] for each in listed}

    def instance(self, name: str) -> Instance:
        """One instance; raises NotFound."""
        each = self._get("instances", name)
        return Instance(each["name"], each["status"], each.get("location", ""), each.get("config") or {})

    def usage(self, name: str) -> Usage:
        """The memory that the instance uses now; raises NotFound."""
        memory = self._get("instances", name, "state").get("memory") or {}
        return Usage(memory.get("usage", 0), memory.get("swap_usage", 0))

    def memory(self) -> int:
        """Bytes of memory that the member's machine has."""
        return int(self._get("resources")["memory"]["total"])

    def images(self) -> list[Image]:
        """The cluster's images, whichever member has them."""
        return [
            Image(
                each["fingerprint"],
                frozenset(alias["name"] for alias in each.get("aliases") or []),
                each.get("properties") or {},
            )
            for each in self._get("images", params={"recursion": "1"})
        ]

    # -- making --

    def create(
        self, name: str, image: str, config: Mapping[str, str], devices: Mapping[str, Mapping[str, str]]
    ) -> None:
        """Make a stopped container from the image with this fingerprint."""
        self._make(name, {"type": "image", "fingerprint": image}, config, devices)

    def copy(self, name: str, source: str, config: Mapping[str, str], devices: Mapping[str, Mapping[str, str]]) -> None:
        """Clone the stopped container `source` of this member; config and devices go over the source's."""
        self._make(name, {"type": "copy", "source": source, "instance_only": True}, config, devices)

    def _make(
        self, name: str, source: Mapping[str, Any], config: Mapping[str, str], devices: Mapping[str, Mapping[str, str]]
    ) -> None:
        body = {
            "name": name, "type": "container", "source": source, "profiles": [],
            "config": dict(config), "devices": {key: dict(value) for key, value in devices.items()},
        }  # fmt: skip
        self._operate("post", "instances", json=body, target=self.host.name)

    def set_config(self, name: str, config: Mapping[str, str]) -> None:
        """Set config keys of the instance; the others stay."""
        self._operate("patch", "instances", name, json={"config": dict(config)})

    # -- running --

    def start(self, name: str) -> None:
        """Start it, and return when its init runs."""
        self._state(name, action="start", timeout=60)

    def terminate(self, name: str, timeout: float) -> None:
        """Send the halt signal to its init, and return without waiting; LXD waits `timeout` seconds for its end."""
        body = {"action": "stop", "timeout": int(timeout), "force": False}
        self._call("put", "instances", name, "state", json=body)

    def kill(self, name: str) -> None:
        """End it at once."""
        self._state(name, action="stop", force=True, timeout=30)

    def delete(self, name: str) -> None:
        """Delete it, running or not; one that is not there is fine."""
        for last in (False, False, False, True):
            try:
                self._operate("delete", "instances", name)
                return
            except NotFound:
                return
            except Unreachable:
                raise
            except LxdError as error:
                if last:
                    raise
                if "running" in str(error).lower():
                    self._kill_if_there(name)
                elif "operation" not in str(error).lower():
                    raise
                else:  # it is just ending: LXD refuses until it has cleaned up
                    time.sleep(0.2)

    def delete_image(self, fingerprint: str) -> None:
        """Delete an image from all members; one that is not there is fine."""
        with suppress(NotFound):
            self._operate("delete", "images", fingerprint)

    def _kill_if_there(self, name: str) -> None:
        try:
            self.kill(name)
        except NotFound:
            return

    def _state(self, name: str, **body: Any) -> None:
        self._operate("put", "instances", name, "state", json=body)

    # -- files --

    def push(self, name: str, path: str, content: bytes | BinaryIO, *, mode: int, uid: int = 0, gid: int = 0) -> None:
        """Write a file into the instance, running or not. A stream is sent as it is read."""
        headers = {"X-LXD-uid": str(uid), "X-LXD-gid": str(gid), "X-LXD-mode": f"{mode:04o}", "X-LXD-type": "file"}
        where = {"path": path}
        self._call("post", "instances", name, "files", params=where, data=content, headers=headers, timeout=LONG)

    def read(self, name: str, path: str) -> bytes | None:
        """A file of the instance, running or not; None when it is not there."""
        try:
            return self._call("get", "instances", name, "files", params={"path": path}, is_api=False).content
        except NotFound:
            return None

    # -- events --

    def follow(self, connected: Callable[[], None], received: Callable[[Mapping[str, Any]], None]) -> None:
        """Hand on each of the cluster's lifecycle events that this member gets; returns when they break off."""
        chosen = self._settings
        where = f"{self.host.address}:{chosen.lxd_port}"
        url = f"wss://{where}/1.0/events?type=lifecycle&project={chosen.lxd_project}"
        events = _Events(url, self._tls(), received)
        with _translated():
            try:
                events.connect()
                events.sock.settimeout(None)
                connected()
                events.run()
            except HandshakeError as error:
                raise LxdError(str(error)) from None

    # -- transport --

    def _get(self, *path: str, **kwargs: Any) -> Any:
        return self._call("get", *path, **kwargs).json()["metadata"]

    def _operate(self, method: str, *path: str, **kwargs: Any) -> None:
        """Call, and wait for the operation behind it; raises LxdError with its error."""
        answer = self._call(method, *path, **kwargs).json()
        if answer.get("type") != "async":
            return
        operation = answer["metadata"]["id"]  # not the answer's URL, which may end in ?project=…
        ended = self._get("operations", operation, "wait", params={"timeout": int(LONG)}, timeout=LONG + 5)
        if ended["status_code"] == 200:
            return
        if ended["status_code"] < 200:
            raise Unreachable(f"{self.host.name}: {ended.get('description', 'an operation')} took over {LONG:.0f} s")
        error = ended.get("err") or ended["status"]
        raise (NotFound if "not found" in error.lower() else LxdError)(error)

    def _call(self, method: str, *path: str, timeout: float = QUICK, **kwargs: Any) -> requests.Response:
        try:
            with _translated():
                node = self._connected().api
                for part in path:
                    node = node[part]
                return getattr(node, method)(timeout=(CONNECT, timeout), **kwargs)
        except Unreachable as error:
            self.forget()
            raise Unreachable(f"{self.host.name} does not answer: {error}") from None

    def _tls(self) -> ssl.SSLContext:
        """For websockets: the manifold's certificate, and the platform's CA to check the member's by."""
        chosen = self._settings
        context = ssl.create_default_context(cafile=str(chosen.ca_file))
        context.load_cert_chain(chosen.manifold_cert_file, chosen.manifold_key_file)
        return context

    def _connected(self) -> pylxd.Client:
        with self._lock:
            if self._client is None:
                self._client = self._connect()
            return self._client

    def _connect(self) -> pylxd.Client:
        chosen = self._settings
        endpoint = f"https://{self.host.address}:{chosen.lxd_port}"
        certificate = (str(_file(chosen.manifold_cert_file)), str(_file(chosen.manifold_key_file)))
        session = requests.Session()
        session.mount("https://", _Adapter(pool_maxsize=32))
        session.cert, session.verify, session.trust_env = certificate, str(chosen.ca_file), False
        project = None if chosen.lxd_project == "default" else chosen.lxd_project
        return pylxd.Client(endpoint, cert=certificate, session=session, project=project, timeout=(CONNECT, QUICK))

    def forget(self) -> None:
        """Connect anew at the next call."""
        with self._lock:
            self._client = None


def _file(path: Path) -> Path:
    if not path.exists():
        raise LxdError(f"{path} is missing: the role pki makes it.")
    return path


class _translated:
    """Turns what pylxd and requests raise into this module's errors."""

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: Any, error: BaseException | None, trace: Any) -> None:
        if isinstance(error, pylxd.exceptions.NotFound):
            raise NotFound(str(error)) from None
        if isinstance(error, pylxd.exceptions.ClientConnectionFailed):
            raise Unreachable(str(error)) from None
        if isinstance(error, pylxd.exceptions.LXDAPIException):
            raise LxdError(str(error)) from None
        if isinstance(error, (requests.exceptions.RequestException, OSError)):
            raise Unreachable(str(error)) from None


def members(settings: Settings) -> dict[str, Member]:
    """A driver for each dyno host of the inventory, by name."""
    return {host.name: Member(host, settings) for host in settings.dyno_hosts}
