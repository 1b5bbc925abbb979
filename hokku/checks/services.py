"""The platform's services and what they stand on: PostgreSQL, Redis, and the processes on control hosts."""

from __future__ import annotations

import secrets
import socket
import ssl
import time
import uuid
from collections.abc import Iterator
from datetime import timedelta

from hokku.checks.finding import Check, Finding, failed, warning, well
from hokku.logplex.emit import emit
from hokku.logplex.redis import DRAINER, INBOX, MOVER, client, stream
from hokku.settings import Settings
from hokku.store import builds, engine, hosts, migrate
from hokku.store.engine import session
from hokku.store.tables import now

PROBE = uuid.UUID(
    "6f2b8c4e-35f5-4d0a-9c55-000000000000"
)  # the log of no app, in which a line is written and looked for
LINE = 3.0  # seconds that a line may take
WAITING = timedelta(minutes=5)  # that a build may wait for a place
_START = "On a control host: systemctl status {0}, journalctl -u {0}; then run playbooks/site.yml."


def checks(settings: Settings) -> list[Check]:
    """One for each service."""
    unit = _START.format
    found = [
        Check("database", "postgresql", unit("postgresql"), _database),
        Check("logplex", "redis", unit("redis-server"), _redis),
        Check("logplex", "lines", unit("hokku-logplex"), _lines),
        Check("manifold", "leader", unit("hokku-manifold"), _manifold),
        Check("builder", "workers", unit("hokku-builder"), _builder),
        Check("courier", "courier", unit("hokku-courier"), _courier),
    ]
    ports = (("logplex", "streams", settings.logs_port), ("rendezvous", "rendezvous", settings.rendezvous_port))
    return found + [
        Check(
            part, name, unit(f"hokku-{part}"), lambda part=part, name=name, port=port: _port(settings, part, name, port)
        )
        for part, name, port in ports
    ]


def _database() -> Iterator[Finding]:
    engine.ping()
    if migrate.is_current():
        yield well("database", "postgresql", "PostgreSQL answers, and its schema is this version's.")
        return
    yield failed(
        "database", "postgresql", "PostgreSQL answers, but its schema is not this version's.",
        "Run playbooks/site.yml: role control brings the schema to the version that it installs.",
    )  # fmt: skip


def _redis() -> Iterator[Finding]:
    info = client().info("memory")
    used, most = int(info["used_memory"]), int(info["maxmemory"])
    if most and used > most * 0.9:
        yield warning(
            "logplex", "redis", f"Redis has used {used * 100 // most} % of the memory that it may take.",
            "Give role logplex a larger limit of Redis's memory, or see which app logs so much.",
        )  # fmt: skip
        return
    yield well("logplex", "redis", "Redis answers.")


def _lines() -> Iterator[Finding]:
    """A line is written as any part of the platform does, and must be in its stream a moment later."""
    unit = _START.format("hokku-logplex")
    if not client().exists(MOVER):
        yield failed("logplex", "lines", f"No process moves lines, and {client().llen(INBOX)} wait.", unit)
        return
    word = secrets.token_hex(8)
    emit(PROBE, word, process="check", source="heroku")
    deadline = time.monotonic() + LINE
    while time.monotonic() < deadline:
        for _, entry in client().xrevrange(stream(str(PROBE)), count=20):
            if entry.get(b"m") == word.encode():
                yield well("logplex", "lines", "A line that was written now is in its log.")
                return
        time.sleep(0.05)
    waiting = client().llen(INBOX)
    yield failed("logplex", "lines", f"A line did not get into its log within {LINE:.0f} s, and {waiting} wait.", unit)


def _port(settings: Settings, part: str, name: str, port: int) -> Iterator[Finding]:
    """Whether something on this control host speaks TLS there with a certificate of the platform's."""
    context = ssl.create_default_context(cafile=str(settings.ca_file))
    context.check_hostname = False  # it is this host, whatever its certificate calls it
    anywhere = settings.api_listen in ("0.0.0.0", "::")
    with (
        socket.create_connection(("127.0.0.1" if anywhere else settings.api_listen, port), 3) as plain,
        context.wrap_socket(plain, server_hostname="localhost"),
    ):
        yield well(part, name, f"Port {port} of this control host answers.")


def _manifold() -> Iterator[Finding]:
    unit = _START.format("hokku-manifold")
    with session() as opened:
        held, fresh = engine.is_held(opened, engine.MANIFOLD), hosts.fresh(opened)
    if not held:
        yield failed("manifold", "leader", "No manifold is elected: nothing starts, stops or heals.", unit)
    elif not fresh:
        again = "On control hosts: journalctl -u hokku-manifold tells what it waits for; restarting it harms no app."
        yield failed(
            "manifold", "leader", "A manifold is elected, but it has reported nothing for half a minute.", again
        )
    else:
        yield well("manifold", "leader", "A manifold is elected, and reports.")


def _builder() -> Iterator[Finding]:
    unit = _START.format("hokku-builder")
    with session() as opened:
        there, (waiting, oldest) = _hosts_of("builder", opened), builds.waiting(opened)
    if not there:
        yield failed("builder", "workers", f"No builder works, and builds waiting for one: {waiting}.", unit)
    elif oldest is not None and now() - oldest > WAITING:
        minutes = WAITING.total_seconds() / 60
        yield warning(
            "builder", "workers", f"Builds wait for a place: {waiting}, the oldest for over {minutes:.0f} minutes.",
            "Raise control_build_concurrency, or add a control host, if that is so often.",
        )  # fmt: skip
    else:
        yield well("builder", "workers", f"Builders work on {', '.join(there)}.")


def _courier() -> Iterator[Finding]:
    unit = _START.format("hokku-courier")
    with session() as opened:
        there = _hosts_of("courier", opened)
    if not there:
        yield failed("courier", "courier", "No courier is connected: log drains and webhooks are not delivered.", unit)
    elif not client().exists(DRAINER):
        yield failed("courier", "courier", "A courier runs, but none serves the log drains.", unit)
    else:
        yield well("courier", "courier", f"Couriers run on {', '.join(there)}.")


def _hosts_of(service: str, opened: engine.Session) -> list[str]:
    prefix = f"hokku-{service}@"
    return sorted(name.removeprefix(prefix) for name in engine.services(opened) if name.startswith(prefix))
