"""Wanted routes against what a router has: the fewest commands, in an order in which no request can go astray.

At no point between two commands does a host name lead to a dyno of another app, does an app that keeps a dyno have
none ready, or does a slot that takes requests change its address (2.6 writes address and port one after the other).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from hokku.routing.model import AppRoutes, Endpoint, RouteState
from hokku.routing.table import (
    APPS,
    DYNOS,
    HOSTS,
    STATES,
    Assign,
    Command,
    DropMap,
    PutMap,
    SetState,
    SlotState,
    Table,
    Vacate,
)


@dataclass
class Plan:
    """Commands in order, the table they lead to, and what of the wanted the router has no room for."""

    table: Table
    commands: list[Command] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)

    def do(self, command: Command) -> None:
        """One more command."""
        command.apply(self.table)
        self.commands.append(command)

    def put(self, name: str, key: str, value: str) -> None:
        """The map has this pair at the end."""
        known = key in self.table.maps[name]
        if not known or self.table.maps[name][key] != value:
            self.do(PutMap(name, key, value, known))

    def drop(self, name: str, key: str) -> None:
        """The map lacks this key at the end."""
        if key in self.table.maps[name]:
            self.do(DropMap(name, key))

    def state(self, backend: str, slot: str, state: SlotState) -> None:
        """The slot is in this state at the end."""
        if self.table.slots[backend][slot].state != state:
            self.do(SetState(backend, slot, state))


def diff(found: Table, wanted: Iterable[AppRoutes], *, whole: bool) -> Plan:
    """How `found` comes to hold `wanted`; with `whole`, also to hold nothing else. `found` is not changed.

    Raises ValueError when two apps want the same backend or host name.
    """
    plan = Plan(found.copy())
    by_backend, backend_of = _index(wanted)
    _withdraw_hosts(plan, by_backend, backend_of, whole)
    for routes in by_backend.values():
        if routes.backend not in plan.table.slots:
            plan.problems.append(
                f"app {routes.app_name} has {routes.backend}, which is not in the pool: raise router_backends"
            )
            continue
        _serve(plan, routes)
        for hostname in routes.hostnames:
            plan.put(HOSTS, hostname, routes.backend)
    if whole:
        _forget_others(plan, by_backend)
    return plan


def _index(wanted: Iterable[AppRoutes]) -> tuple[dict[str, AppRoutes], dict[str, str]]:
    by_backend: dict[str, AppRoutes] = {}
    backend_of: dict[str, str] = {}
    for routes in wanted:
        if (other := by_backend.setdefault(routes.backend, routes)) is not routes:
            raise ValueError(f"apps {other.app_name} and {routes.app_name} both have backend {routes.backend}")
        for hostname in routes.hostnames:
            if backend_of.setdefault(hostname, routes.backend) != routes.backend:
                raise ValueError(f"host name {hostname} is wanted by two apps, {routes.app_name} is one of them")
    return by_backend, backend_of


def _owned(table: Table, routes: AppRoutes) -> bool:
    """Whether the backend is this app's already, not another's that had it before."""
    return table.maps[APPS].get(routes.backend) == str(routes.app_id)


def _withdraw_hosts(plan: Plan, by_backend: dict[str, AppRoutes], backend_of: dict[str, str], whole: bool) -> None:
    """Names go first. One that moves to another app stays where it is until that app is ready for it."""
    for hostname, backend in list(plan.table.maps[HOSTS].items()):
        routes = by_backend.get(backend)
        if routes is None and not whole:
            continue
        changes_hands = routes is not None and not _owned(plan.table, routes)
        if changes_hands or hostname not in backend_of:
            plan.drop(HOSTS, hostname)


def _serve(plan: Plan, routes: AppRoutes) -> None:
    """One app's slots, state and names of dynos."""
    backend, slots = routes.backend, plan.table.slots[routes.backend]
    if not _owned(plan.table, routes):
        for name in slots:
            plan.state(backend, name, SlotState.MAINT)
        plan.put(APPS, backend, str(routes.app_id))
    if routes.state is not RouteState.SERVING:
        plan.put(STATES, backend, routes.state.value)

    wanted = {endpoint.place: endpoint for endpoint in routes.endpoints}
    leaving = []
    for name, slot in slots.items():
        if slot.state is SlotState.MAINT:
            continue
        endpoint = wanted.get(slot.place)
        if endpoint is not None and plan.table.maps[DYNOS].get(name) == endpoint.name:
            plan.state(backend, name, _state(endpoint))
            del wanted[slot.place]
        else:
            leaving.append(name)

    free = sorted((name for name in slots if slots[name].state is SlotState.MAINT), key=lambda n: slots[n].turn)
    free.sort(key=lambda name: not slots[name].fresh)
    if len(free) < len(wanted):
        for name in leaving:
            plan.state(backend, name, SlotState.MAINT)
        free, leaving = free + leaving, []
    if len(free) < len(wanted):
        plan.problems.append(
            f"app {routes.app_name} has {len(routes.endpoints)} web dynos, a router has room for {len(slots)}: "
            "raise router_servers_per_backend"
        )
    for name, endpoint in zip(free, wanted.values(), strict=False):
        _publish(plan, backend, name, endpoint)
    for name in leaving:
        plan.state(backend, name, SlotState.MAINT)
    if routes.state is RouteState.SERVING:
        plan.drop(STATES, backend)


def _publish(plan: Plan, backend: str, name: str, endpoint: Endpoint) -> None:
    """An idle slot becomes the dyno's; ready comes last."""
    slot = plan.table.slots[backend][name]
    if not slot.fresh:
        plan.do(Vacate(backend, name))
    if slot.place != endpoint.place:
        plan.do(Assign(backend, name, *endpoint.place))
    plan.put(DYNOS, name, endpoint.name)
    plan.state(backend, name, _state(endpoint))


def _state(endpoint: Endpoint) -> SlotState:
    return SlotState.DRAIN if endpoint.draining else SlotState.READY


def _forget_others(plan: Plan, by_backend: dict[str, AppRoutes]) -> None:
    """Backends that no app has: nothing ready, no state, no app. Their host names are gone already."""
    for backend, slots in plan.table.slots.items():
        if backend in by_backend:
            continue
        for name in slots:
            plan.state(backend, name, SlotState.MAINT)
    for name in (STATES, APPS):
        for backend in list(plan.table.maps[name]):
            if backend not in by_backend:
                plan.drop(name, backend)
