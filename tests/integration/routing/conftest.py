"""Routers from the role's own template, on loopback."""

from __future__ import annotations

import contextlib
import socket
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest

from hokku.routing import AppRoutes, Certificate, Endpoint, Mesh, RouteState
from tests.integration.loopback import free_port
from tests.integration.routing.dyno import Dynos
from tests.integration.routing.load import LogSink
from tests.integration.routing.router import Pki, Router

HOST = "shop.apps.localhost"


@pytest.fixture(scope="session")
def pki(tmp_path_factory: pytest.TempPathFactory) -> Pki:
    return Pki(tmp_path_factory.mktemp("tls") / "pki")


@pytest.fixture
def log() -> Iterator[LogSink]:
    sink = LogSink()
    yield sink
    sink.close()


@pytest.fixture
def short() -> Iterator[Path]:
    """A directory with a short name: HAProxy takes paths of sockets up to 97 characters, and pytest's are longer."""
    with tempfile.TemporaryDirectory(prefix="hokku-", dir="/tmp") as made:
        yield Path(made)


@pytest.fixture
def router_of(short: Path, pki: Pki, log: LogSink) -> Iterator[Callable[..., Router]]:
    """Makes and starts routers; they are stopped after the test."""
    made: list[Router] = []
    runtime = free_port()

    def make(**variables: object) -> Router:
        number = len(made) + 1
        given = {"router_log_target": log.target, **variables}
        router = Router(short / f"router{number}", pki, f"router{number}", f"127.0.0.{number}", runtime, **given)
        made.append(router)
        router.start()
        return router

    yield make
    for router in made:
        router.stop()


@pytest.fixture
def mesh(mesh_of: Callable[..., Mesh], router: Router) -> Mesh:
    return mesh_of(router)


@pytest.fixture
def router(router_of: Callable[..., Router]) -> Router:
    return router_of()


@pytest.fixture
def dynos() -> Iterator[Dynos]:
    servers = Dynos()
    yield servers
    servers.close()


@pytest.fixture
def full_backlog() -> Iterator[Endpoint]:
    """A port whose queue of connections is full: a further one is neither taken nor refused."""
    with socket.socket() as listener, contextlib.ExitStack() as stack:
        listener.bind(("127.0.4.1", 0))
        listener.listen(0)
        for _ in range(4):
            waiting = stack.enter_context(socket.socket())
            waiting.setblocking(False)
            with contextlib.suppress(BlockingIOError):
                waiting.connect(listener.getsockname())
        yield Endpoint(uuid4(), "web.1", "host1", *listener.getsockname())


@pytest.fixture
def mesh_of() -> Iterator[Callable[..., Mesh]]:
    made: list[Mesh] = []

    def make(*routers: Router, **options: Any) -> Mesh:
        tls = routers[0].pki.manifold
        mesh = Mesh(
            [router.host for router in routers],
            routers[0].runtime,
            tls.crt,
            tls.crt.with_suffix(".key"),
            routers[0].pki.ca.crt,
            int(routers[0].variables["router_backends"]),
            int(routers[0].variables["router_servers_per_backend"]),
            **options,
        )
        made.append(mesh)
        return mesh

    yield make
    for mesh in made:
        mesh.close()


def app(
    *endpoints: Endpoint,
    name: str = "shop",
    backend: str = "pool001",
    hostnames: tuple[str, ...] = (HOST,),
    state: RouteState = RouteState.SERVING,
    app_id: UUID | None = None,
    certificates: tuple[Certificate, ...] = (),
) -> AppRoutes:
    """Routes of an app; the same name gives the same id."""
    return AppRoutes(app_id or _ids.setdefault(name, uuid4()), name, backend, hostnames, state, endpoints, certificates)


_ids: dict[str, UUID] = {}


def table(*apps: AppRoutes) -> dict[UUID, AppRoutes]:
    """What `Mesh.converge` takes."""
    return {routes.app_id: routes for routes in apps}
