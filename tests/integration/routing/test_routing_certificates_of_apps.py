"""From the API to the client: certificates of apps are read, published by the manifold, and served."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from hokku.manifold import routes, run
from hokku.manifold.publisher import Publisher
from hokku.routing import AppRoutes, Mesh, mesh
from hokku.settings import settings
from hokku.store import wanted
from hokku.store.engine import session
from tests.integration.loopback import wait_for
from tests.integration.routing.router import Router
from tests.integration.routing.test_routing_certificates import shown
from tests.integration.test_api_apps import fresh
from tests.unit.test_certificate_rules import certificate, pem, pem_key


@pytest.fixture
def routers(router_of: Callable[..., Router]) -> tuple[Router, Router]:
    return router_of(), router_of()


@pytest.fixture
def publisher(routers: tuple[Router, Router], mesh_of: Callable[..., Mesh]) -> Iterator[Publisher]:
    made = Publisher(mesh_of(*routers, bundles=run._bundles), ("router1", "router2"), 1.0, lambda: None)
    made.run()
    yield made
    made.stop()


def routes_of(app: dict) -> dict[uuid.UUID, AppRoutes]:
    """What the manifold wants of the routers for this app."""
    app_id = uuid.UUID(app["id"])
    with session() as opened:
        spec = wanted.load(opened, settings().apps_domain, [app_id])[app_id]
    return {app_id: routes.routes(spec, [], {}, "pool001", settings())}


def sent(*hostnames: str) -> dict[str, str]:
    made, key = certificate(hostnames[0], hostnames)
    return {"certificate_chain": pem(made), "private_key": pem_key(key)}


def test_what_a_user_adds_updates_and_removes_is_served_on_every_router(
    api, routers: tuple[Router, Router], publisher: Publisher
) -> None:
    app = fresh(api)
    path, hostname = f"/apps/{app['name']}", f"www.{app['name']}.example.com"

    @contextmanager
    def soon(common_name: str) -> Iterator[None]:
        before = {shown(router, hostname)[1] for router in routers}
        yield
        publisher.want(routes_of(app), whole=True)

        def changed() -> bool:
            now = [shown(router, hostname) for router in routers]
            return {name for name, _ in now} == {common_name} and not before & {serial for _, serial in now}

        wait_for(f"{hostname} is served with the certificate of {common_name}", changed, 20)

    with soon(hostname):
        endpoint = api.post(f"{path}/sni-endpoints", json=sent(hostname)).json()
        api.post(f"{path}/domains", json={"hostname": hostname, "sni_endpoint": endpoint["name"]})
    with soon(hostname):
        assert api.patch(f"{path}/sni-endpoints/{endpoint['name']}", json=sent(hostname)).status_code == 200
    with soon(f"*.{app['name']}.example.com"):
        wild = api.post(f"{path}/sni-endpoints", json=sent(f"*.{app['name']}.example.com")).json()
        assert api.patch(f"{path}/domains/{hostname}", json={"sni_endpoint": wild["id"]}).status_code == 200
    with soon("apps"):
        assert api.delete(f"{path}/sni-endpoints/{wild['name']}").status_code == 200


def test_keys_that_cannot_be_read_hold_up_no_route(
    api, routers: tuple[Router, Router], publisher: Publisher, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = fresh(api)
    hostname = f"www.{app['name']}.example.com"
    endpoint = api.post(f"/apps/{app['name']}/sni-endpoints", json=sent(hostname)).json()
    api.post(f"/apps/{app['name']}/domains", json={"hostname": hostname, "sni_endpoint": endpoint["name"]})
    with monkeypatch.context() as broken:
        broken.setattr("hokku.store.sealed.configs.cipher", lambda: Path("/nowhere").read_text())
        publisher.want(routes_of(app), whole=True)
        wait_for("the host name is routed", lambda: routers[0].get(hostname)[2].get("hokku-error-code") == "H81", 10)
        assert shown(routers[0], hostname)[0] == "apps"
    wait_for("it has its certificate, too", lambda: shown(routers[0], hostname)[0] == hostname, 10)


def test_more_than_one_call_changes_is_published_without_waiting_for_the_next_comparison(
    api, routers: tuple[Router, Router], publisher: Publisher, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mesh, "AT_ONCE", 3)
    monkeypatch.setattr("hokku.manifold.publisher.EVERY", 60.0)
    app = fresh(api)
    hostnames = [f"h{n}.{app['name']}.example.com" for n in range(10)]
    endpoint = api.post(f"/apps/{app['name']}/sni-endpoints", json=sent(*hostnames)).json()
    for hostname in hostnames:
        api.post(f"/apps/{app['name']}/domains", json={"hostname": hostname, "sni_endpoint": endpoint["name"]})
    publisher.want(routes_of(app), whole=True)
    wait_for(
        "all are served",
        lambda: all(shown(router, hostname)[0] == hostnames[0] for router in routers for hostname in hostnames),
        20,
    )
