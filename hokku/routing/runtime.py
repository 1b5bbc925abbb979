"""HAProxy's runtime API over TLS: commands in, tables out. One connection is always one HAProxy process.

The connection is interactive (`prompt`), so that one handshake carries many lines; `;` joins commands of a line.
"""

from __future__ import annotations

import re
import ssl
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from socket import create_connection

from hokku.routing.table import (
    CERTIFICATES,
    MAPS,
    Assign,
    Command,
    DropMap,
    PutMap,
    SetState,
    Slot,
    SlotState,
    Table,
    Vacate,
)
from hokku.settings import Host

TIMEOUT = 5.0  # seconds for an answer
CONNECT, CONNECT_AGAIN = 3.0, 1.0  # seconds for a connection, and for one after another that failed
LINE = 12_000  # bytes of joined commands; HAProxy takes 16,384
FORCED_MAINT, FORCED_DRAIN = 0x01, 0x08  # srv_admin_state in `show servers state`
_PROMPT = b"\n> "
_WAITING = re.compile(r"^(\+ )+", re.MULTILINE)  # the prompt between a command and the end of its lines
_FINE = ("IP changed from", "port changed from", "no need to change")


class RouterError(Exception):
    """A router that does not answer, or does not do as it is told."""


class Interrupted(RouterError):
    """The connection ended in the midst of a talk: how much was done is not known, asking again may well succeed."""


@dataclass(frozen=True)
class Process:
    """Which HAProxy answers: another one after a restart or a reload."""

    pid: int
    started: int


class Runtime:
    """The way to one router's runtime API; the certificate is the one that the router has pinned."""

    def __init__(self, host: Host, port: int, *, cert: Path, key: Path, ca: Path) -> None:
        self.host = host
        self.port = port
        self._connect = CONNECT
        self._context = ssl.create_default_context(cafile=str(ca))
        self._context.minimum_version = ssl.TLSVersion.TLSv1_3
        self._context.load_cert_chain(str(cert), str(key))

    @contextmanager
    def session(self) -> Iterator[Session]:
        """A connection to the router's present process. Raises RouterError."""
        try:
            with self._opened() as stream:
                session = Session(stream)
                session.ask("prompt")
                yield session
        except OSError as error:
            where = f"router {self.host.name} at {self.host.address}:{self.port}"
            raise RouterError(f"{where}: {error}") from error

    def _opened(self) -> ssl.SSLSocket:
        """A router that is off shall not hold up each call about the others as long as it did the first."""
        patience, self._connect = self._connect, CONNECT_AGAIN
        plain = create_connection((self.host.address, self.port), patience)
        try:
            plain.settimeout(TIMEOUT)
            stream = self._context.wrap_socket(plain, server_hostname=self.host.address)
        except BaseException:
            plain.close()
            raise
        self._connect = CONNECT
        return stream


class Session:
    """Questions and commands to one HAProxy process."""

    def __init__(self, stream: ssl.SSLSocket) -> None:
        self._stream = stream
        self._paths: dict[str, str] = {}

    def ask(self, *commands: str) -> str:
        """The answers to `commands`, sent as one line; each of them ends with a prompt, which is taken away."""
        return self._talk("; ".join(commands) + "\n", len(commands))

    def tell(self, command: str, payload: str) -> str:
        """The answer to a command with lines after it; none of them may be empty, for an empty one ends them."""
        return _WAITING.sub("", self._talk(f"{command} <<\n{payload.strip()}\n\n", 1))

    def _talk(self, text: str, prompts: int) -> str:
        self._stream.sendall(text.encode())
        answer = bytearray()
        while not (answer.endswith(_PROMPT) and answer.count(_PROMPT) >= prompts):
            if not (piece := self._stream.recv(1 << 16)):
                raise Interrupted("the router closed the connection before its answer was complete")
            answer += piece
        return answer.replace(_PROMPT, b"\n").decode()

    def process(self) -> Process:
        """Which process this is."""
        told = self.ask("show info")
        pid, started = (re.search(rf"^{name}: (\d+)$", told, re.MULTILINE) for name in ("Pid", "Start_time_sec"))
        if not (pid and started):
            raise RouterError(f"the router does not say which process it is: {told[:100]!r}")
        return Process(int(pid[1]), int(started[1]))

    def map(self, name: str) -> dict[str, str]:
        """One map. Raises RouterError when the router's configuration has none of that name."""
        lines = self.ask(f"show map {self._path(name)}").splitlines()
        return dict(line.split(" ", 2)[1:] for line in lines if line.count(" ") >= 2)

    def table(self) -> Table:
        """All that the router has."""
        certificates = self.certificate_list()
        told = {name: self.map(name) for name in MAPS if name != CERTIFICATES or certificates}
        table = Table({CERTIFICATES: {}} | told)
        for line in self.ask("show servers state").splitlines():
            column = line.split()
            if len(column) < 19 or not column[1].startswith("pool"):
                continue
            table.slots.setdefault(column[1], {})[column[3]] = Slot(
                column[4], int(column[18]), _slot_state(int(column[6]))
            )
        listed = self.ask(f"show ssl crt-list {certificates}").splitlines() if certificates else []
        table.certified = {line.split()[-1] for line in listed if line.startswith("/")}
        return table

    def certificate_list(self) -> str | None:
        """HAProxy's name of the list of certificates, its file's path; None on a router of before there was one."""
        paths = [line for line in self.ask("show ssl crt-list").split() if Path(line).stem == CERTIFICATES]
        return paths[0] if paths else None

    def run(self, commands: Iterable[Command]) -> None:
        """Do `commands` in their order. Raises RouterError when one of them was refused."""
        line: list[str] = []
        for command in commands:
            if isinstance(command, Vacate):
                self._do(line)
                self._vacate(command)
                continue
            line.append(self._text(command))
            if sum(map(len, line)) > LINE:
                self._do(line)
        self._do(line)

    def in_flight(self, backend: str) -> dict[str, int]:
        """Requests being served or queued, by slot of `backend`."""
        header, *lines = self.ask(f"show stat {backend} 4 -1").strip().splitlines()
        names = header.removeprefix("# ").split(",")
        rows = (dict(zip(names, line.split(","), strict=False)) for line in lines)
        return {row["svname"]: int(row["scur"] or 0) + int(row["qcur"] or 0) for row in rows}

    def _do(self, line: list[str]) -> None:
        if not line:
            return
        answer = self.ask(*line)
        line.clear()
        for told in filter(None, map(str.strip, answer.splitlines())):
            if not told.startswith(_FINE):
                raise RouterError(f"the router refused a command: {told}")

    def _vacate(self, command: Vacate) -> None:
        """An old dyno's connection would be kept for reuse under the slot's new address, were it still open."""
        self._do([f"shutdown sessions server {command.backend}/{command.slot}"])
        deadline = time.monotonic() + TIMEOUT
        while self.in_flight(command.backend).get(command.slot, 0):
            if time.monotonic() > deadline:
                raise RouterError(f"{command.backend}/{command.slot} still has requests of its old dyno")
            time.sleep(0.01)

    def _text(self, command: Command) -> str:
        match command:
            case PutMap(name, key, value, known):
                return f"{'set' if known else 'add'} map {self._path(name)} {key} {value}"
            case DropMap(name, key):
                return f"del map {self._path(name)} {key}"
            case Assign(backend, slot, address, port):
                return f"set server {backend}/{slot} addr {address} port {port}"
            case SetState(backend, slot, state):
                return f"set server {backend}/{slot} state {state.value}"
        raise TypeError(command)

    def _path(self, name: str) -> str:
        """HAProxy's name of a map is the path of the file it was loaded from."""
        if not self._paths:
            listed = re.findall(r"^\d+ \((/.+?)\)", self.ask("show map"), re.MULTILINE)
            self._paths = {Path(path).stem: path for path in listed}
        if name not in self._paths:
            raise RouterError(f"the router's configuration has no map {name}: run the playbook on it")
        return self._paths[name]


def _slot_state(admin: int) -> SlotState:
    if admin & FORCED_MAINT:
        return SlotState.MAINT
    return SlotState.DRAIN if admin & FORCED_DRAIN else SlotState.READY
