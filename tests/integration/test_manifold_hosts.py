"""Passes of the manifold over one app, on a real PostgreSQL: hosts that operators closed, drains, and what is told of
them. LXD is not there: what hosts answered is put where their threads would put it."""

from __future__ import annotations

import time
import uuid
from collections.abc import Iterator
from datetime import timedelta

import pytest

from hokku.manifold import names, sweep
from hokku.manifold.control import Control
from hokku.manifold.hosts import Listing
from hokku.manifold.lxd import Instance
from hokku.manifold.model import Presence
from hokku.routing import Mesh
from hokku.settings import Settings
from hokku.store import decisions, dynos, hosts, rollouts, wanted
from hokku.store.engine import session
from hokku.store.hosts import HostState, Wanted
from hokku.store.tables import App, Dyno, DynoState, ReleaseStatus, now
from tests.integration.loopback import wait_for
from tests.integration.test_manifold_store import app, deploy, dyno  # noqa: F401

HOSTS = ("dyno1", "dyno2", "dyno3")


def answered(control: Control, *instances: Instance) -> None:
    """All hosts are online, and have these."""
    control.cluster.status = dict.fromkeys(HOSTS, "Online")
    for name, host in control.cluster.hosts.items():
        host.asked, host._answered_at = True, time.monotonic()
        host.listing = Listing(time.monotonic(), {each.name: each for each in instances if each.location == name})


@pytest.fixture
def control(platform: Settings, app: App) -> Iterator[Control]:  # noqa: F811
    mesh = Mesh(
        (), 9443, platform.manifold_cert_file, platform.manifold_key_file, platform.ca_file, platform.backends,
        platform.servers_per_backend,
    )  # fmt: skip
    made = Control(platform, mesh, lambda: None)
    answered(made)
    made._publisher.want({}, whole=True)
    made._publisher.run()
    yield made
    made._publisher.stop()
    mesh.close()
    with session() as opened:
        hosts.report(opened, {})
        for name in HOSTS:
            hosts.forget(opened, name)
        for row, _ in dynos.live(opened, [app.id]):
            dynos.stopped(opened, row.id, "the test is over")


def want(name: str, state: Wanted) -> None:
    with session() as opened:
        hosts.want(opened, name, state)


def living(app: App) -> list[Dyno]:  # noqa: F811
    with session() as opened:
        return [row for row, _ in dynos.live(opened, [app.id])]


def told(app: App, number: int = 1) -> list[tuple[str, str | None, str]]:  # noqa: F811
    """Decisions about a web dyno, oldest first."""
    with session() as opened:
        rows = decisions.of_place(opened, app.id, "web", number)
        return [(row.decision, row.host, row.reason) for row in reversed(rows)]


def serving(app: App, host: str) -> tuple[Dyno, Instance]:  # noqa: F811
    """A dyno of the app's release that is up on the host."""
    release = deploy(app)
    with session() as opened:
        rollouts.decide(opened, release.id, ReleaseStatus.SUCCEEDED)
    row = dyno(app, release, host=host, state=DynoState.UP, created_at=now() - timedelta(minutes=1))
    return row, Instance(row.instance, "Running", host, {"user.hokku.kind": "dyno", "user.hokku.slot": "7"})


def report(control: Control, app: App) -> dict[str, hosts.HostReport]:  # noqa: F811
    listings = {name: host.listing for name, host in control.cluster.hosts.items() if host.listing}
    with session() as opened:
        control._report(opened, list(wanted.load(opened, "apps.test", [app.id]).values()), listings)
    with session() as opened:
        return hosts.reports(opened)


def test_a_start_tells_why_on_that_host(control: Control, app: App) -> None:  # noqa: F811
    deploy(app)
    control._pass([app.id])
    (row,) = living(app)
    ((decision, host, reason),) = told(app)
    assert (decision, host) == ("start", row.host)
    assert reason.startswith(f"Host {row.host} (0 of this type, 0 of this app, ")
    assert " comes before " in reason
    assert reason.endswith(".")


@pytest.mark.parametrize("state", [Wanted.CORDONED, Wanted.DRAINED])
def test_a_closed_host_gets_no_dyno(control: Control, app: App, state: Wanted) -> None:  # noqa: F811
    want("dyno1", state)
    want("dyno3", state)
    deploy(app)
    control._pass([app.id])
    assert [row.host for row in living(app)] == ["dyno2"]


def test_when_no_host_takes_dynos_it_is_told_once_what_is_waited_for(control: Control, app: App) -> None:  # noqa: F811
    for name in HOSTS:
        want(name, Wanted.CORDONED)
    deploy(app)
    for _ in range(3):
        control._pass([app.id])
        control._actor.troubles.clear()  # as if its time was over
    reason = "No dyno host can take it now: dyno1 is cordoned, dyno2 is cordoned, dyno3 is cordoned."
    assert told(app) == [("wait", None, reason)]
    assert living(app) == []
    want("dyno2", Wanted.ACTIVE)
    control._pass([app.id])
    assert [row.host for row in living(app)] == ["dyno2"]


def test_a_drain_replaces_a_dyno_elsewhere_and_ends_it_once_the_new_one_is_routed(
    control: Control,
    app: App,  # noqa: F811
) -> None:
    old, instance = serving(app, "dyno1")
    answered(control, instance)
    control._pass([app.id])
    assert [row.id for row in living(app)] == [old.id]
    wait_for("the old one is routed", lambda: control._publisher.routed(app.id, old.id), 10)

    want("dyno1", Wanted.DRAINED)
    control._pass([app.id])
    kept, new = living(app)
    assert (kept.id, kept.state) == (old.id, DynoState.UP)
    assert new.host != "dyno1"
    found = report(control, app)["dyno1"]
    assert (found.state, found.empty) == (HostState.ONLINE, False)
    assert found.reason == "waits: 1 dyno to be replaced elsewhere"

    known = control._actor.of(new.id)
    known.port_open = True
    known.finish(Presence.RUNNING)
    control._pass([app.id])
    assert {row.state for row in living(app)} == {DynoState.UP}
    wait_for("the new one is routed", lambda: control._publisher.routed(app.id, new.id), 10)
    control._pass([app.id])
    (row,) = (row for row in living(app) if row.id == old.id)
    assert (row.state, row.reason) == (DynoState.STOPPING, "its host dyno1 is being drained")
    assert told(app)[-1] == ("retire", "dyno1", "Its host dyno1 is being drained.")


def test_a_host_is_empty_when_nothing_of_any_app_is_left_on_it(control: Control, app: App) -> None:  # noqa: F811
    want("dyno1", Wanted.DRAINED)
    deploy(app)
    control._pass([app.id])
    with session() as opened:
        wish = hosts.wishes(opened)["dyno1"]

    def left(kind: str) -> hosts.HostReport:
        answered(control, Instance(f"x-{kind}", "Stopped", "dyno1", {"user.hokku.kind": kind}))
        return report(control, app)["dyno1"]

    for kind in ("dyno", "template", "build"):
        assert not left(kind).empty, kind
    assert left("build").reason == "waits: 1 build to end"
    assert left(names.STOCK).empty
    assert (left(names.STOCK).reason, left(names.STOCK).wish_at) == (None, wish.since)
    control.cluster.status = {**control.cluster.status, "dyno1": "Offline"}
    control.cluster.hosts["dyno1"]._answered_at = None
    found = report(control, app)["dyno1"]
    assert (found.state, found.empty) == (HostState.OFFLINE, False)


def test_templates_go_from_a_drained_host_once_no_dyno_is_left_there(control: Control, app: App) -> None:  # noqa: F811
    old, _ = serving(app, "dyno1")
    assert not sweep.drained(control.cluster, "dyno1", [])
    want("dyno1", Wanted.DRAINED)
    control._pass([app.id])
    assert not sweep.drained(control.cluster, "dyno1", [old])
    assert sweep.drained(control.cluster, "dyno1", [])
    old.state = DynoState.CRASHED
    assert sweep.drained(control.cluster, "dyno1", [old])


def test_a_report_is_of_the_hosts_there_are_and_changes_when_they_do(platform: Settings) -> None:
    name = f"h{uuid.uuid4().hex[:8]}"
    online = hosts.Seen(HostState.ONLINE, memory_total=2048)
    with session() as opened:
        hosts.report(opened, {name: online})
    with session() as opened:
        first = hosts.reports(opened)[name]
        assert hosts.fresh(opened) == {name}
    with session() as opened:
        hosts.report(opened, {name: online})
    with session() as opened:
        again = hosts.reports(opened)[name]
        assert (again.updated_at, again.created_at) == (first.updated_at, first.created_at)
        assert again.reported_at > first.reported_at
        hosts.report(opened, {name: hosts.Seen(HostState.OFFLINE, "it does not answer")})
    with session() as opened:
        assert hosts.reports(opened)[name].updated_at > first.updated_at
        hosts.reports(opened)[name].reported_at = now() - 2 * hosts.STALE
        opened.flush()
        assert hosts.fresh(opened) == set()
        hosts.report(opened, {})
        assert hosts.reports(opened) == {}


def test_an_app_keeps_its_newest_decisions_and_another_apps_are_not_touched(app: App) -> None:  # noqa: F811
    def made(number: int, reason: str) -> decisions.Decision:
        return decisions.Decision(app.id, "web", number, "dyno1", "start", reason, now())

    with session() as opened:
        decisions.keep(opened, [made(1, "first")])
        decisions.keep(opened, [made(2, f"r{count}") for count in range(decisions.KEPT - 1)])
    assert [reason for _, _, reason in told(app)] == ["first"]
    gone = decisions.Decision(uuid.uuid4(), "web", 1, None, "wait", "of an app that is gone", now())
    with session() as opened:
        decisions.keep(opened, [made(2, "one more"), gone])
    assert told(app) == []
    with session() as opened:
        shown = decisions.of_place(opened, app.id, "web", 2)
        assert [row.reason for row in shown[:2]] == ["one more", f"r{decisions.KEPT - 2}"]
        assert len(shown) == decisions.SHOWN
