"""What the routers are told."""

from __future__ import annotations

import threading
import uuid

from hokku.manifold.publisher import Publisher
from hokku.routing.model import AppRoutes, Report, RouteState, backend_name

ONE, OTHER = uuid.UUID(int=1), uuid.UUID(int=2)


class Mesh:
    """Routers that take whatever they are told."""

    def __init__(self) -> None:
        self.has: set[uuid.UUID] = set()

    def converge(self, wanted) -> Report:
        self.has = set(wanted)
        return Report()

    def converge_app(self, routes: AppRoutes) -> Report:
        self.has.add(routes.app_id)
        return Report()


def routes(app_id: uuid.UUID) -> AppRoutes:
    number = app_id.int
    return AppRoutes(app_id, f"app{number}", backend_name(number), (f"app{number}.example.com",), RouteState.NO_WEB)


def test_an_app_that_could_not_be_planned_keeps_its_routes_and_one_that_is_gone_does_not() -> None:
    mesh, told = Mesh(), threading.Event()
    publisher = Publisher(mesh, (), 1.0, told.set)
    publisher.run()
    try:
        publisher.want({ONE: routes(ONE), OTHER: routes(OTHER)}, whole=True)
        assert told.wait(10)
        assert mesh.has == {ONE, OTHER}
        told.clear()
        publisher.want({}, whole=True, keep={ONE})
        assert told.wait(10)
        assert mesh.has == {ONE}
    finally:
        publisher.stop()
