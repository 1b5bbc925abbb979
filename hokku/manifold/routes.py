"""What the routers are to know of an app, from what is wanted of it and what its dynos are."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence

from hokku.manifold import rollout, slots
from hokku.manifold.model import WEB, DynoView
from hokku.routing.model import AppRoutes, Certificate, Endpoint, RouteState
from hokku.settings import Settings
from hokku.store.tables import DynoState
from hokku.store.wanted import AppSpec


def routes(
    app: AppSpec, dynos: Sequence[DynoView], slot_of: Mapping[uuid.UUID, int], backend: str, settings: Settings
) -> AppRoutes:
    """The app's routes now; dynos that leave are in them, draining, as long as requests may be in flight to them."""
    address = {host.name: host.address for host in settings.dyno_hosts}
    serving = rollout.publishable(app, dynos)
    leaving = rollout.leaving(app, dynos)
    endpoints = [
        Endpoint(
            dyno_id=dyno.id,
            name=dyno.name,
            host=dyno.host,
            address=address[dyno.host],
            port=slots.port(slot_of[dyno.id], settings.dyno_first_port),
            draining=draining,
        )
        for group, draining in ((serving, False), (leaving, True))
        for dyno in group
        if dyno.host in address
    ]
    hostnames = tuple(name.lower() for name in app.hostnames)
    certificates = tuple(Certificate(hostname.lower(), digest) for hostname, digest in app.certificates)
    seen = state(app, dynos, bool(serving))
    return AppRoutes(app.id, app.name, backend, hostnames, seen, tuple(endpoints), certificates)


def state(app: AppSpec, dynos: Sequence[DynoView], serving: bool) -> RouteState:
    """What routers do with the app's requests."""
    if app.maintenance:
        return RouteState.MAINTENANCE
    release = app.current or app.candidate
    if release is None:
        return RouteState.BLANK
    if serving:
        return RouteState.SERVING
    if rollout.quantity(app, release, WEB) == 0:
        return RouteState.NO_WEB
    web = [dyno for dyno in dynos if dyno.type == WEB]
    if any(dyno.state is DynoState.CRASHED for dyno in web):
        return RouteState.CRASHED
    return RouteState.BOOTING
