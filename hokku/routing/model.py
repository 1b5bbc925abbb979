"""What the manifold wants of the routers, and what they answered. Plain values; whoever makes one gets it checked."""

from __future__ import annotations

import enum
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from ipaddress import ip_address
from uuid import UUID

_HOSTNAME = re.compile(r"(\*\.)?[a-z0-9_]([a-z0-9_.-]{0,251}[a-z0-9_])?")
_BACKEND = re.compile(r"pool[0-9]{3,6}")
_NAME = re.compile(r"[A-Za-z0-9_.-]{1,64}")
_DIGEST = re.compile(r"[0-9a-f]{64}")


def backend_name(number: int) -> str:
    """The routers' name of backend `number` of the pool, counted from 1, as the role's template declares it."""
    return f"pool{number:03d}"


class RouteState(enum.StrEnum):
    """What a router does with an app's requests: hand them to a dyno, or answer 503 with Heroku's error code."""

    SERVING = "serving"
    CRASHED = "H10"
    NO_WEB = "H14"
    BOOTING = "H20"
    MAINTENANCE = "H80"
    BLANK = "H81"


@dataclass(frozen=True)
class Endpoint:
    """A web dyno as the routers reach it: `address` and `port` of its host. `draining` gets no new request."""

    dyno_id: UUID
    name: str
    host: str
    address: str
    port: int
    draining: bool = False

    def __post_init__(self) -> None:
        ip_address(self.address)
        if not 0 < self.port < 65536:
            raise ValueError(f"port {self.port} of dyno {self.name} is none: give 1 to 65535")
        _match(_NAME, self.name, "dyno name")

    @property
    def place(self) -> tuple[str, int]:
        """Address and port; no two dynos of the platform have the same at once."""
        return self.address, self.port


@dataclass(frozen=True)
class Certificate:
    """What TLS clients that ask for `hostname` are shown: the bundle (chain and key) whose SHA-256 is `digest`."""

    hostname: str
    digest: str

    def __post_init__(self) -> None:
        _match(_HOSTNAME, self.hostname, "host name")
        _match(_DIGEST, self.digest, "digest")


@dataclass(frozen=True)
class AppRoutes:
    """All that routers know of one app: its backend in the pool, host names (lower case, `*.` first for wildcards).

    A host name without a certificate of its own is served with the routers' default one.
    """

    app_id: UUID
    app_name: str
    backend: str
    hostnames: tuple[str, ...]
    state: RouteState
    endpoints: tuple[Endpoint, ...] = ()
    certificates: tuple[Certificate, ...] = ()

    def __post_init__(self) -> None:
        _match(_BACKEND, self.backend, "backend")
        for hostname in self.hostnames:
            _match(_HOSTNAME, hostname, "host name")
        certified = [certificate.hostname for certificate in self.certificates]
        if len(set(certified)) < len(certified) or not set(certified) <= set(self.hostnames):
            raise ValueError(
                f"app {self.app_name} wants certificates for {certified}: give one at most for each host name"
            )


@dataclass(frozen=True)
class RouterReport:
    """One router's answer: how many commands changed it, or why it could not be made right.

    Certificates have a say of their own, so that none of them holds up routes: `refused` tells by host name why a
    router cannot use one, `pending` how many are left to the next call.
    """

    router: str
    changes: int = 0
    error: str | None = None
    seconds: float = 0.0
    refused: Mapping[str, str] = field(default_factory=dict)
    pending: int = 0

    @property
    def ok(self) -> bool:
        """Whether this router now has exactly the routes that were wanted."""
        return self.error is None


@dataclass(frozen=True)
class Report:
    """Every router's answer, by its name."""

    routers: Mapping[str, RouterReport] = field(default_factory=dict)

    @property
    def ok(self) -> bool:
        """Whether every router has the routes that were wanted."""
        return all(one.ok for one in self.routers.values())

    @property
    def pending(self) -> int:
        """Certificates that are left to the next call, over all routers."""
        return sum(one.pending for one in self.routers.values())

    @property
    def changes(self) -> int:
        """Commands that changed something, over all routers."""
        return sum(one.changes for one in self.routers.values())

    @property
    def errors(self) -> dict[str, str]:
        """The reason by router, for those that could not be made right."""
        return {name: one.error for name, one in self.routers.items() if one.error is not None}


def _match(pattern: re.Pattern[str], value: str, what: str) -> None:
    """Whatever reaches the runtime API is one word of harmless characters."""
    if not pattern.fullmatch(value):
        raise ValueError(f"{value!r} is no {what} that a router can hold")
