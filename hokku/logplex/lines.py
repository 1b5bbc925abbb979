"""What a log line is: what senders push, what users read. Pure functions and values."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from ipaddress import AddressValueError, IPv4Address
from uuid import UUID

_SLOTS_PER_NET = 250

# HAProxy's termination state (https://docs.haproxy.org/2.6/configuration.html#8.5), first two letters, to the code of
# https://devcenter.heroku.com/articles/error-codes that HAProxy 2.6 itself cannot tell when the headers are written.
_TERMINATIONS = {
    "PH": ("H17", "Poorly formatted HTTP response"),
    "SD": ("H18", "Server Request Interrupted"),
    "sC": ("H19", "Backend connection timeout"),
    "SC": ("H21", "Backend connection refused"),
    "sD": ("H15", "Idle connection"),
    "CH": ("H27", "Client Request Interrupted"),
    "CD": ("H27", "Client Request Interrupted"),
    "cH": ("H28", "Client Connection Idle"),
    "cD": ("H28", "Client Connection Idle"),
}
_AT = re.compile(r'at=(info|error code=H\d\d desc="[^"]*")')
_ORIGIN = re.compile(r'\[[^ "\]]+@32473 app="([0-9a-f-]{36})" ts="([^"]{2})[^"]*"\]')


@dataclass(frozen=True)
class Sender:
    """Where a line came from and its number there: repeats have the same. `run` changes when `seq` starts anew."""

    host: str
    run: str
    seq: int


@dataclass(frozen=True)
class Line:
    """A line of an application. `time` is RFC 3339 in UTC with microseconds; `source` is app or heroku."""

    time: str
    source: str
    process: str
    text: str

    def __str__(self) -> str:
        """As users read it and Heroku's CLI expects it: `TIME SOURCE[PROCESS]: TEXT`."""
        return f"{self.time} {self.source}[{self.process}]: {self.text}"


@dataclass(frozen=True)
class Arrival:
    """A parsed push: a line, and either its application or the host and slot of the dyno that wrote it."""

    sender: Sender
    line: Line
    app_id: str | None = None
    slot: int | None = None


def timestamp(at: datetime) -> str:
    """RFC 3339 in UTC with microseconds: 2026-01-01T00:00:00.000000+00:00."""
    return at.astimezone(UTC).isoformat(timespec="microseconds")


def slot_of(address: str) -> int:
    """The slot of the dyno that has the address on its host's dyno network; ValueError when no dyno can have it."""
    try:
        _, _, net, host = IPv4Address(address).packed
    except AddressValueError as error:
        raise ValueError(f"{address} is not an IPv4 address") from error
    if net < 1 or not 1 <= host <= _SLOTS_PER_NET:
        raise ValueError(f"{address} is no dyno's address")
    return (net - 1) * _SLOTS_PER_NET + host - 1


def arrival(pushed: bytes) -> Arrival:
    """Parse what a sender pushed; bytes that are not UTF-8 become U+FFFD. ValueError says what is wrong with it."""
    try:
        found = json.loads(pushed.decode("utf-8", "replace"), strict=False)
        sender = Sender(str(found["host"]), str(found["run"]), int(found["seq"]))
        time, text = timestamp(datetime.fromisoformat(found["t"])), str(found["m"])
        kind = found["k"]
        if kind == "dyno":
            return Arrival(sender, Line(time, "app", "", text), slot=slot_of(str(found["addr"])))
        if kind == "router":
            origin = _ORIGIN.search(str(found["sd"]))
            if origin is None:
                raise ValueError("a router's line names no app")
            text = with_code(text, origin[2])
            return Arrival(sender, Line(time, "heroku", "router", text), app_id=str(UUID(origin[1])))
        if kind == "app":
            return Arrival(
                sender, Line(time, str(found["src"]), str(found["ps"]), text), app_id=str(UUID(found["app"]))
            )
    except (KeyError, TypeError, RecursionError, OverflowError) as error:
        raise ValueError(f"{type(error).__name__}: {error}") from error
    raise ValueError(f"unknown kind {kind!r}")


def with_code(text: str, termination: str) -> str:
    """The access line with the H-code that HAProxy's termination state stands for.

    A code that the router told itself stays, but for H13 and H19, which it cannot tell from H17 and H21. A connection
    that was switched to another protocol and went idle is H15. H27 has status 499, as on Heroku.
    """
    code, says = _TERMINATIONS.get(termination[:2], ("", ""))
    at = _AT.match(text)
    if not code or at is None or (at[1] != "info" and at[1][11:14] not in ("H13", "H19", "H21")):
        return text
    if code == "H28" and " status=101 " in text:
        code, says = _TERMINATIONS["sD"]
    rest = text[at.end() :]
    if code == "H27":
        rest = re.sub(r" status=-?\d+ (?=bytes=\d+ protocol=\S+$)", " status=499 ", rest)
    return f'at=error code={code} desc="{says}"{rest}'


def placed(line: Line, process: str) -> Line:
    """The dyno's line under the name of its process, web.1."""
    return replace(line, process=process)


@dataclass(frozen=True)
class Filter:
    """Which lines a reader wants: `process` is a dyno (web.1) or a type (web), `source` exact; None is any."""

    process: str | None = None
    source: str | None = None

    def takes(self, line: Line) -> bool:
        """True when the line is wanted: the process equals, or is one of the type."""
        if self.source is not None and line.source != self.source:
            return False
        return self.process is None or line.process == self.process or line.process.startswith(self.process + ".")
