"""What runs on which machine, and what is missed where it does not run."""

from __future__ import annotations

from collections.abc import Iterable

UNITS = {
    "database": (),  # PostgreSQL's unit has its version in its name: the host tells it
    "logplex": ("redis-server.service", "rsyslog.service"),
    "control": (
        "hokku-api.service", "hokku-manifold.service", "hokku-builder.service", "hokku-logplex.service",
        "hokku-courier.service", "hokku-rendezvous.service",
    ),
    "dyno_hosts": ("lxd.service", "hokku-dyno-firewall.service", "rsyslog.service"),
    "routers": ("haproxy.service", "hokku-router-state.service", "rsyslog.service"),
}  # fmt: skip
CERTIFICATES = frozenset(  # those that role pki writes and renews
    f"/etc/hokku/tls/{name}" for name in ("ca.crt", "host.crt", "manifold.crt", "cluster.crt", "apps.pem")
)
_WITHOUT = {
    "postgresql": "nothing can be changed",
    "redis-server": "no log line is kept or shown",
    "hokku-api": "nothing can be changed, and nobody can push",
    "hokku-manifold": "no dyno is started, stopped or replaced",
    "hokku-builder": "pushes wait",
    "hokku-logplex": "no log can be read",
    "hokku-courier": "log drains and webhooks wait",
    "hokku-rendezvous": "heroku run does not connect",
    "haproxy": "this router answers no request",
    "hokku-router-state": "this router would forget its routes when it restarts",
    "lxd": "this host's dynos cannot be changed",
    "hokku-dyno-firewall": "dynos reach what they must not",
    "rsyslog": "this host's log lines go nowhere",
}


def units(groups: Iterable[str]) -> tuple[str, ...]:
    """The units that must be active on a host of these groups, each once, but PostgreSQL's."""
    there = set(groups)
    return tuple(dict.fromkeys(unit for group, names in UNITS.items() if group in there for unit in names))


def part(unit: str) -> str:
    """The part of the platform that a unit is: database, logplex, api, manifold, host, router …"""
    name = unit.removesuffix(".service").partition("@")[0]
    known = {
        "postgresql": "database", "redis-server": "logplex", "haproxy": "router", "hokku-router-state": "router",
        "lxd": "host", "hokku-dyno-firewall": "host", "rsyslog": "logs",
    }  # fmt: skip
    return known.get(name, name.removeprefix("hokku-"))


def without(unit: str) -> str:
    """What is missed while the unit does not run."""
    return _WITHOUT.get(unit.removesuffix(".service").partition("@")[0], "its work is not done")
