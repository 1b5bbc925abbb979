"""A router's process is replaced: its routes stay, unless they can no longer be trusted."""

from __future__ import annotations

import http.client
import json
import os
import signal
import socket
import ssl
import time
from collections.abc import Callable

import pytest

from hokku.routing import Mesh
from tests.integration.loopback import wait_for
from tests.integration.routing.conftest import HOST, app, table
from tests.integration.routing.dyno import Dynos
from tests.integration.routing.load import Load
from tests.integration.routing.router import Router


def test_routes_stay_over_a_restart_while_nothing_controls_the_router(router: Router, mesh: Mesh, dynos: Dynos) -> None:
    web = [dynos.start(f"web.{n}", f"mark{n}") for n in (1, 2)]
    assert mesh.converge(table(app(*web))).ok
    router.stop()
    router.start()
    assert {router.get(HOST)[1] for _ in range(10)} == {"mark1", "mark2"}
    assert router.get("nobody.example")[0] == 404


def test_routes_stay_over_a_crash_and_a_drained_dyno_stays_out(router: Router, mesh: Mesh, dynos: Dynos) -> None:
    web = [dynos.start(f"web.{n}", f"mark{n}") for n in (1, 2, 3)]
    assert mesh.converge(table(app(*web))).ok
    draining = type(web[1])(web[1].dyno_id, "web.2", web[1].host, *web[1].place, draining=True)
    assert mesh.converge(table(app(web[0], draining))).ok
    revision = router.ask(f"show map {router.state}/maps/mesh.map").split()[2]
    saved = router.state / "routes.json"
    wait_for("the routes are saved", lambda: saved.exists() and revision in saved.read_text(), 10)
    router.stop(signal.SIGKILL)
    router.start()
    assert {router.get(HOST)[1] for _ in range(10)} == {"mark1"}


def test_a_restarted_router_is_made_right_by_the_next_converge(router: Router, mesh: Mesh, dynos: Dynos) -> None:
    web = dynos.start("web.1", "mark")
    assert mesh.converge(table(app(web))).ok
    router.stop()
    (router.state / "routes.json").unlink()
    router.start()
    status, _, headers = router.get(HOST)
    assert (status, headers["hokku-error-code"]) == (503, "H99"), "an empty router knows that it knows nothing"
    report = mesh.converge(table(app(web)))
    assert report.ok
    assert report.changes > 0
    assert router.get(HOST)[:2] == (200, "mark")
    assert mesh.converge(table(app(web))).changes == 0
    assert mesh.converge(table(app(web)), full=True).changes == 0


@pytest.mark.parametrize("age", [301.0, -60.0])
def test_saved_routes_that_are_too_old_or_from_the_future_are_refused(
    router: Router, mesh: Mesh, dynos: Dynos, age: float
) -> None:
    assert mesh.converge(table(app(dynos.start("web.1", "mark")))).ok
    router.stop()
    saved = time.time() - age
    os.utime(router.state / "routes.json", (saved, saved))
    router.start()
    assert router.get(HOST)[2]["hokku-error-code"] == "H99"


def test_broken_saved_routes_are_refused(router: Router, mesh: Mesh, dynos: Dynos) -> None:
    assert mesh.converge(table(app(dynos.start("web.1", "mark")))).ok
    router.stop()
    (router.state / "routes.json").write_text('{"maps": {"hosts": [')
    router.start()
    assert router.get(HOST)[2]["hokku-error-code"] == "H99"


def test_reloads_under_load_fail_no_request_and_keep_routes(router: Router, mesh: Mesh, dynos: Dynos) -> None:
    web = [dynos.start(f"web.{n}", f"mark{n}") for n in (1, 2, 3)]
    assert mesh.converge(table(app(*web[:2]))).ok
    with Load(router.address, router.http, HOST) as load:
        for turn in range(5):
            router.reload()
            load.more(60)
            assert mesh.converge(table(app(*(web if turn % 2 else web[:2])))).ok
            load.more(60)
    assert load.failures == []


def test_a_client_of_a_replaced_process_gets_no_old_release(router: Router, mesh: Mesh, dynos: Dynos) -> None:
    """An idle connection stays with the old process until its next request, and a deploy may come in between."""
    old = dynos.start("web.1", "old")
    other = app(dynos.start("web.1", "other"), name="other", backend="pool002", hostnames=("other.test",))
    assert mesh.converge(table(app(old), other)).ok
    idle = [http.client.HTTPConnection(router.address, router.http, timeout=10) for _ in range(4)]
    for connection in idle:
        connection.request("GET", "/", headers={"Host": HOST})
        assert connection.getresponse().read() == b"old"
    router.reload()
    wait_for("the old process hands over", router.handed_over, 10)
    assert mesh.converge(table(app(dynos.start("web.1", "new"), hostnames=(HOST, "new.test")))).ok
    dynos.stop(old)
    answers = []
    for connection, host in zip(idle, (HOST, HOST, "new.test", "other.test"), strict=True):
        connection.request("GET", "/", headers={"Host": host})
        answer = connection.getresponse()
        body = answer.read().decode()
        answers.append((answer.status, body if answer.status == 200 else "", answer.getheader("connection")))
    assert answers[:3] == [(200, "new", "close")] * 3
    assert answers[3][0] == 404


def test_what_is_written_while_a_router_reloads_is_in_the_process_that_follows(
    router: Router, mesh: Mesh, dynos: Dynos
) -> None:
    """Between the last save and the new process, a write would be lost: the mesh must not take it for done."""
    web = [dynos.start(f"web.{n}", f"mark{n}") for n in (1, 2)]
    assert mesh.converge(table(app(web[0]))).ok
    router.keep("leave")
    started = time.monotonic()
    report = mesh.converge(table(app(web[1])))
    assert report.ok
    assert time.monotonic() - started > 5, "it waited for the process that was announced, and then took this one"
    assert "leaving" not in router.ask(f"show map {router.state}/maps/mesh.map")
    router.reload()
    assert {router.get(HOST)[1] for _ in range(5)} == {"mark2"}


def test_a_second_manifold_sees_what_the_first_one_wrote(
    router: Router, mesh_of: Callable[..., Mesh], dynos: Dynos
) -> None:
    web = [dynos.start(f"web.{n}", f"mark{n}") for n in (1, 2)]
    first, second = mesh_of(router), mesh_of(router)
    for _ in range(3):
        assert first.converge(table(app(web[0]))).ok
        assert router.get(HOST)[1] == "mark1"
        assert second.converge(table(app(web[1]))).ok
        assert router.get(HOST)[1] == "mark2"


def test_a_router_that_is_down_is_reported_and_holds_up_no_other(
    router_of: Callable[..., Router], mesh_of: Callable[..., Mesh], dynos: Dynos
) -> None:
    routers = router_of(), router_of()
    mesh = mesh_of(*routers)
    web = dynos.start("web.1", "mark")
    routers[0].stop()
    report = mesh.converge(table(app(web)))
    assert set(report.errors) == {"router1"}
    assert "Connection refused" in report.errors["router1"]
    assert routers[1].get(HOST)[:2] == (200, "mark")
    routers[0].start()
    assert mesh.converge(table(app(web))).ok
    assert routers[0].get(HOST)[:2] == (200, "mark")


def test_only_the_manifolds_certificate_opens_the_runtime_api(router: Router) -> None:
    def show_info(certificate: str | None) -> str:
        context = ssl.create_default_context(cafile=str(router.pki.ca.crt))
        if certificate:
            directory = router.pki.ca.crt.parent
            context.load_cert_chain(directory / f"{certificate}.crt", directory / f"{certificate}.key")
        with (
            socket.create_connection((router.address, router.runtime), 5) as plain,
            context.wrap_socket(plain, server_hostname=router.address) as stream,
        ):
            stream.sendall(b"show info\n")
            return stream.recv(1000).decode()

    assert "HAProxy" in show_info("manifold")
    for other in ("dyno1", "host", None):
        with pytest.raises(OSError, match=r"(?i)alert|reset|closed"):
            show_info(other)
    with socket.create_connection((router.address, router.runtime), 5) as plain:
        plain.sendall(b"show info\n")
        assert b"HAProxy" not in plain.recv(1000), "no answer without TLS"


def test_saved_routes_hold_no_slot_that_is_out(router: Router, mesh: Mesh, dynos: Dynos) -> None:
    web = [dynos.start(f"web.{n}", f"mark{n}") for n in (1, 2)]
    assert mesh.converge(table(app(*web))).ok
    assert mesh.converge(table(app(web[1]))).ok
    router.keep("save")
    servers = json.loads((router.state / "routes.json").read_text())["servers"][2:]
    assert [line.split()[4] for line in servers] == [web[1].address]
