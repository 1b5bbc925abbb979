"""What a router answers by itself, and what it tells dynos and the log."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest

from hokku.routing import Endpoint, Mesh, RouteState
from tests.integration.loopback import wait_for
from tests.integration.routing.conftest import HOST, app, table
from tests.integration.routing.dyno import Dynos
from tests.integration.routing.load import LogSink
from tests.integration.routing.router import Router

STATES = [
    (RouteState.CRASHED, "App crashed"),
    (RouteState.NO_WEB, "No web processes running"),
    (RouteState.BOOTING, "App boot timeout"),
    (RouteState.MAINTENANCE, "Maintenance mode"),
    (RouteState.BLANK, "Blank app"),
]


def line_of(log: LogSink, request_id: str) -> str:
    wait_for("the access line", lambda: any(request_id in line for line in log.lines()), 10)
    return next(line for line in log.lines() if request_id in line)


@pytest.mark.parametrize(("state", "text"), STATES)
def test_an_app_without_a_ready_dyno_answers_with_its_code(
    router: Router, mesh: Mesh, log: LogSink, state: RouteState, text: str
) -> None:
    routes = app(state=state)
    assert mesh.converge(table(routes)).ok
    rid = f"request-{state.value}-0123456789"
    status, body, headers = router.get(HOST, "/x?y=1", **{"X-Request-Id": rid})
    assert (status, headers["hokku-error-code"]) == (503, state.value)
    assert text in body
    assert rid in body
    line = line_of(log, rid)
    assert f'app="{routes.app_id}"' in line
    assert f'at=error code={state.value} desc="{text}" method=GET path="/x?y=1" host={HOST} request_id={rid} ' in line
    assert "dyno=- connect=-1ms service=" in line


def test_an_unknown_host_is_no_such_app_and_not_logged(router: Router, mesh: Mesh, log: LogSink, dynos: Dynos) -> None:
    assert mesh.converge(table(app(dynos.start("web.1", "mark")))).ok
    status, body, _ = router.get("unknown.example", **{"X-Request-Id": "unknown-host-0123456789"})
    assert status == 404
    assert "There's nothing here, yet." in body
    router.get(HOST, **{"X-Request-Id": "after-unknown-0123456789"})
    line_of(log, "after-unknown-0123456789")
    assert not any("unknown-host" in line for line in log.lines())


def test_a_dyno_that_does_not_answer_in_time_is_h12(
    router_of: Callable[..., Router], mesh_of: Callable[..., Mesh], log: LogSink, dynos: Dynos
) -> None:
    router = router_of(router_response_timeout=1)
    assert mesh_of(router).converge(table(app(dynos.start("web.1", "mark")))).ok
    status, body, headers = router.get(HOST, "/hang", **{"X-Request-Id": "hanging-0123456789-abc"})
    assert (status, headers["hokku-error-code"]) == (503, "H12")
    assert "Request timeout" in body
    line = line_of(log, "hanging-0123456789-abc")
    assert 'at=error code=H12 desc="Request timeout"' in line
    assert re.search(r"dyno=web\.1 connect=\d+ms service=1\d{3}ms status=503", line)
    assert 'ts="sH"' in line


def test_a_dyno_that_closes_without_an_answer_is_h13(router: Router, mesh: Mesh, log: LogSink, dynos: Dynos) -> None:
    assert mesh.converge(table(app(dynos.start("web.1", "mark")))).ok
    status, _, headers = router.get(HOST, "/close", **{"X-Request-Id": "closing-0123456789-abc"})
    assert (status, headers["hokku-error-code"]) == (503, "H13")
    line = line_of(log, "closing-0123456789-abc")
    assert "code=H13" in line
    assert "dyno=web.1" in line


def test_a_dyno_that_refuses_is_h21_and_answers_again_when_it_listens(
    router: Router, mesh: Mesh, log: LogSink, dynos: Dynos
) -> None:
    web = dynos.start("web.1", "mark")
    assert mesh.converge(table(app(web))).ok
    dynos.stop(web)
    status, body, headers = router.get(HOST, **{"X-Request-Id": "refused-0123456789-abc"})
    assert "H21 - Backend connection refused" in body
    assert (status, headers["hokku-error-code"]) == (503, "H21")
    assert 'code=H21 desc="Backend connection refused"' in line_of(log, "refused-0123456789-abc")
    dynos.start("web.1", "mark", address=web.address, port=web.port)
    wait_for("the dyno is found again", lambda: router.get(HOST)[0] == 200, 10)


def test_a_dyno_that_takes_no_connection_is_h19(
    router_of: Callable[..., Router], mesh_of: Callable[..., Mesh], log: LogSink, full_backlog: Endpoint
) -> None:
    router = router_of(router_retries=0)
    assert mesh_of(router).converge(table(app(full_backlog))).ok
    status, body, headers = router.get(HOST, **{"X-Request-Id": "unconnected-0123456789"})
    assert "H19 - Backend connection timeout" in body
    assert (status, headers["hokku-error-code"]) == (503, "H19")
    assert 'code=H19 desc="Backend connection timeout"' in line_of(log, "unconnected-0123456789")


def test_a_refusing_dyno_among_others_costs_no_request(router: Router, mesh: Mesh, dynos: Dynos) -> None:
    web = [dynos.start(f"web.{n}", f"mark{n}") for n in (1, 2, 3)]
    assert mesh.converge(table(app(*web))).ok
    dynos.stop(web[1])
    answers = [router.get(HOST)[:2] for _ in range(40)]
    assert {status for status, _ in answers} == {200}
    assert {body for _, body in answers} == {"mark1", "mark3"}


def test_an_apps_own_503_is_passed_as_it_is(router: Router, mesh: Mesh, log: LogSink, dynos: Dynos) -> None:
    assert mesh.converge(table(app(dynos.start("web.1", "mark")))).ok
    status, body, headers = router.get(HOST, "/own503", **{"X-Request-Id": "own503-0123456789-abcdef"})
    assert (status, body) == (503, "mine")
    assert "hokku-error-code" not in headers
    assert "at=info " in line_of(log, "own503-0123456789-abcdef")


def test_dynos_get_herokus_headers_and_the_log_line_cannot_be_forged(
    router: Router, mesh: Mesh, log: LogSink, dynos: Dynos
) -> None:
    assert mesh.converge(table(app(dynos.start("web.1", "mark")))).ok
    given = {"X-Forwarded-For": '1.2.3.4" dyno="web.9', "X-Forwarded-Proto": "https", "X-Request-Id": "bad id"}
    _, _, answer = router.get(HOST.upper() + ":8081", '/a"b?c=d', **given)
    head = dynos.heads[-1].lower()
    assert "x-forwarded-for: 127.0.0." in head
    assert "x-forwarded-proto: http\r\n" in head
    assert f"x-forwarded-port: {router.http}\r\n" in head
    assert "via: 1.1 heroku-router\r\n" in head
    assert re.search(r"x-request-start: 1\d{12}\r\n", head)
    request_id = re.search(r"x-request-id: ([0-9a-f-]{36})\r\n", head)
    assert request_id
    assert answer["via"] == "1.1 heroku-router"
    line = line_of(log, request_id[1])
    assert f'path="/a\\"b?c=d" host={HOST} ' in line
    assert 'fwd="1.2.3.4\\" dyno=\\"web.9, 127.0.0.' in line
    assert re.search(r" dyno=web\.1 connect=\d+ms service=\d+ms status=200 bytes=\d+ protocol=http$", line)
