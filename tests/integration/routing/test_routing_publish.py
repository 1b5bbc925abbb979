"""Dynos come and go while requests go on."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable
from uuid import uuid4

from hokku.routing import Mesh, RouteState
from tests.integration.loopback import wait_for
from tests.integration.routing.conftest import HOST, app, table
from tests.integration.routing.dyno import Dynos
from tests.integration.routing.load import Load
from tests.integration.routing.router import Router


def test_scaling_up_and_down_under_load_fails_no_request(router: Router, mesh: Mesh, dynos: Dynos) -> None:
    web = [dynos.start(f"web.{n}", f"mark{n}") for n in range(1, 5)]
    assert mesh.converge(table(app(web[0]))).ok
    with Load(router.address, router.http, HOST) as load:
        for _ in range(3):
            for count in (2, 3, 4, 3, 2, 1):
                assert mesh.converge_app(app(*web[:count])).ok
                load.more(40)
    assert load.failures == []
    assert set(load.answers) == {"mark1", "mark2", "mark3", "mark4"}


def test_a_deploy_under_load_fails_no_request_and_leaves_no_old_answer(
    router: Router, mesh: Mesh, dynos: Dynos
) -> None:
    old = [dynos.start(f"web.{n}", "release0") for n in (1, 2)]
    assert mesh.converge(table(app(*old))).ok
    with Load(router.address, router.http, HOST) as load:
        for release in range(1, 8):
            new = [dynos.start(f"web.{n}", f"release{release}") for n in (1, 2)]
            assert mesh.converge_app(app(*old, *new)).ok
            assert mesh.converge_app(app(*new)).ok
            for dyno in old:
                wait_for("the old dyno is idle", lambda dyno=dyno: mesh.in_flight(dyno.dyno_id) == 0, 10)
                dynos.stop(dyno)
            assert {router.get(HOST)[1] for _ in range(6)} == {f"release{release}"}
            load.more(40)
            old = new
    assert load.failures == []


def test_requests_are_shared_exactly_right_after_publishing(
    router_of: Callable[..., Router], mesh_of: Callable[..., Mesh], dynos: Dynos
) -> None:
    routers = router_of(), router_of()
    mesh = mesh_of(*routers)
    web = [dynos.start(f"web.{n}", f"mark{n}") for n in (1, 2, 3)]
    report = mesh.converge(table(app(*web)))
    assert report.ok, report
    assert set(report.routers) == {"router1", "router2"}
    for router in routers:
        shares = Counter(router.get(HOST)[1] for _ in range(300))
        assert set(shares) == {"mark1", "mark2", "mark3"}
        assert all(abs(share - 100) <= 1 for share in shares.values()), shares
    with Load(routers[0].address, routers[0].http, HOST, pause=0) as load:
        load.more(900)
    assert max(load.answers.values()) - min(load.answers.values()) <= 2, load.answers


def test_a_slot_given_to_another_dyno_never_answers_by_the_old_one(
    router_of: Callable[..., Router], mesh_of: Callable[..., Mesh], dynos: Dynos
) -> None:
    """One slot only, both dynos alive all the time, and connections to each kept open by clients."""
    router = router_of(router_servers_per_backend=1)
    mesh = mesh_of(router)
    web = [dynos.start("web.1", mark) for mark in ("even", "odd")]
    assert mesh.converge(table(app(web[0]))).ok
    with Load(router.address, router.http, HOST) as load:
        for turn in range(1, 30):
            assert mesh.converge_app(app(web[turn % 2])).ok
            mark = ("even", "odd")[turn % 2]
            assert {router.get(HOST)[1] for _ in range(12)} == {mark}
            load.more(8)


def test_a_request_in_flight_at_a_slots_old_dyno_is_cut_before_the_slot_is_reused(
    router_of: Callable[..., Router], mesh_of: Callable[..., Mesh], dynos: Dynos
) -> None:
    router = router_of(router_servers_per_backend=1)
    mesh = mesh_of(router)
    old, new = dynos.start("web.1", "old"), dynos.start("web.1", "new")
    assert mesh.converge(table(app(old))).ok
    answers: list[int] = []
    slow = threading.Thread(target=lambda: answers.append(router.get(HOST, "/slow")[0]))
    slow.start()
    wait_for("the slow request is there", lambda: mesh.in_flight(old.dyno_id) == 1, 10)
    assert mesh.converge_app(app(new)).ok
    dynos.release.set()
    slow.join(10)
    assert answers == [503]
    assert {router.get(HOST)[1] for _ in range(20)} == {"new"}


def test_a_draining_dyno_finishes_its_requests_and_gets_no_new_ones(router: Router, mesh: Mesh, dynos: Dynos) -> None:
    web = [dynos.start(f"web.{n}", f"mark{n}") for n in (1, 2)]
    assert mesh.converge(table(app(web[0]))).ok
    answers: list[tuple[int, str]] = []
    slow = threading.Thread(target=lambda: answers.append(router.get(HOST, "/slow")[:2]))
    slow.start()
    wait_for("the slow request is there", lambda: mesh.in_flight(web[0].dyno_id) == 1, 10)
    draining = type(web[0])(web[0].dyno_id, "web.1", web[0].host, *web[0].place, draining=True)
    assert mesh.converge_app(app(draining, web[1])).ok
    assert {router.get(HOST)[1] for _ in range(10)} == {"mark2"}
    assert mesh.in_flight(web[0].dyno_id) == 1
    assert mesh.converge_app(app(web[1])).ok
    assert mesh.in_flight(web[0].dyno_id) == 1, "out of the routers, a request still goes on"
    dynos.release.set()
    slow.join(10)
    assert answers == [(200, "mark1")]
    wait_for("nothing is in flight", lambda: mesh.in_flight(web[0].dyno_id) == 0, 10)


def test_an_app_that_is_gone_answers_404_and_its_backend_serves_the_next(
    router: Router, mesh: Mesh, dynos: Dynos
) -> None:
    one, two = dynos.start("web.1", "one"), dynos.start("web.1", "two")
    first = app(one, name="first", hostnames=("first.apps.localhost",))
    second = app(two, name="second", hostnames=("second.apps.localhost",))
    assert mesh.converge(table(first)).ok
    assert router.get("first.apps.localhost")[:2] == (200, "one")
    assert mesh.converge(table(second)).ok
    assert router.get("first.apps.localhost")[0] == 404
    assert {router.get("second.apps.localhost")[1] for _ in range(10)} == {"two"}
    assert mesh.converge({}).ok
    assert router.get("second.apps.localhost")[0] == 404


def test_a_host_name_moves_to_another_app_without_a_gap(router: Router, mesh: Mesh, dynos: Dynos) -> None:
    one, two = dynos.start("web.1", "one"), dynos.start("web.1", "two")
    before = table(app(one, name="a", hostnames=(HOST,)), app(two, name="b", backend="pool002", hostnames=()))
    after = table(app(one, name="a", hostnames=()), app(two, name="b", backend="pool002", hostnames=(HOST,)))
    assert mesh.converge(before).ok
    with Load(router.address, router.http, HOST) as load:
        for _ in range(5):
            assert mesh.converge(after).ok
            assert router.get(HOST)[1] == "two"
            assert mesh.converge(before).ok
            load.more(20)
    assert load.failures == []


def test_a_wildcard_domain_leads_to_its_app(router: Router, mesh: Mesh, dynos: Dynos) -> None:
    assert mesh.converge(table(app(dynos.start("web.1", "wild"), hostnames=("*.shop.example",)))).ok
    assert router.get("Any.Shop.Example:8081")[:2] == (200, "wild")
    assert router.get("shop.example")[0] == 404


def test_more_dynos_than_slots_is_said_and_the_rest_serves(router: Router, mesh: Mesh, dynos: Dynos) -> None:
    web = [dynos.start(f"web.{n}", f"mark{n}") for n in range(1, 8)]
    report = mesh.converge(table(app(*web)))
    assert "raise router_servers_per_backend" in report.errors["router1"]
    assert router.get(HOST)[0] == 200
    missing = app(web[0], name="other", backend="pool099", hostnames=("other.apps.localhost",))
    report = mesh.converge(table(app(web[0]), missing))
    assert "raise router_backends" in report.errors["router1"]
    assert router.get(HOST)[0] == 200


def test_an_app_goes_into_maintenance_and_back_without_losing_its_dynos(
    router: Router, mesh: Mesh, dynos: Dynos
) -> None:
    web = dynos.start("web.1", "mark")
    assert mesh.converge(table(app(web))).ok
    assert mesh.converge_app(app(web, state=RouteState.MAINTENANCE)).ok
    assert router.get(HOST)[2]["hokku-error-code"] == "H80"
    assert mesh.converge_app(app(web)).changes == 1
    assert router.get(HOST)[:2] == (200, "mark")
    assert mesh.in_flight(uuid4()) == 0
