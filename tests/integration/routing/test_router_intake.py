"""A router is taken out and put back by the module `router_intake`: nobody loses a request by it."""

from __future__ import annotations

import http.client
import json
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest
from ansible.module_utils.testing import patch_module_args
from ansible_collections.hokku.platform.plugins.modules import router_intake

from hokku.routing import Mesh
from tests.integration.loopback import wait_for
from tests.integration.routing.conftest import HOST, app, table
from tests.integration.routing.dyno import Dynos
from tests.integration.routing.router import Router

Run = Callable[..., dict[str, Any]]


@pytest.fixture
def run(router: Router, capsys: pytest.CaptureFixture[str]) -> Run:
    """The module on this router, with little patience."""

    def made(state: str, check: bool = False, **params: Any) -> dict[str, Any]:
        arguments = {"state": state, "socket": str(router.socket), "quiet": 1, "wait_timeout": 5, **params}
        given = {**arguments, "_ansible_check_mode": check, "_ansible_diff": True}
        with patch_module_args(given), pytest.raises(SystemExit):
            router_intake.main()
        return json.loads(capsys.readouterr().out)

    return made


@pytest.fixture
def serving(router: Router, mesh: Mesh, dynos: Dynos) -> Router:
    assert mesh.converge(table(app(dynos.start("web.1", "mark")))).ok
    return router


def connected(router: Router) -> http.client.HTTPConnection:
    connection = http.client.HTTPConnection(router.address, router.http, timeout=20)
    connection.connect()
    return connection


def test_a_router_without_requests_is_closed_and_opened_once(serving: Router, run: Run) -> None:
    closed = run("closed")
    assert (closed["changed"], closed["connections"]) == (True, 0)
    assert closed["diff"] == {"before": "intake: open\n", "after": "intake: closed\n"}
    with pytest.raises(ConnectionRefusedError):
        connected(serving)
    assert run("closed")["changed"] is False
    assert run("open")["actions"] == ["opened"]
    assert serving.get(HOST)[1] == "mark"
    assert run("open")["changed"] is False


def test_check_mode_says_so_and_closes_nothing(serving: Router, run: Run) -> None:
    assert run("closed", check=True)["actions"] == ["closed"]
    assert serving.get(HOST)[1] == "mark"


def test_a_router_that_clients_still_ask_goes_on_taking_requests(serving: Router, run: Run) -> None:
    stop, answers = threading.Event(), []

    def ask() -> None:
        while not stop.is_set():
            answers.append(serving.get(HOST)[1])
            time.sleep(0.05)  # a client's own pause

    client = threading.Thread(target=ask)
    client.start()
    try:
        refused = run("closed", wait_timeout=2)
    finally:
        stop.set()
        client.join(10)
    assert refused["failed"]
    assert "Clients still come here" in refused["msg"]
    assert serving.get(HOST)[1] == "mark"
    assert set(answers) == {"mark"}


def test_probes_of_a_load_balancer_do_not_count(serving: Router, run: Run) -> None:
    stop = threading.Event()

    def probe() -> None:
        while not stop.is_set():
            try:
                serving.get("no-app.example.com")
            except OSError:
                return
            time.sleep(0.05)  # a prober's own pause

    prober = threading.Thread(target=probe)
    prober.start()
    try:
        assert run("closed")["changed"] is True
    finally:
        stop.set()
        prober.join(10)


def test_a_request_under_way_is_finished_before_closing_is_over(serving: Router, run: Run, dynos: Dynos) -> None:
    connection = connected(serving)
    connection.request("GET", "/slow", headers={"Host": HOST, "Connection": "close"})
    wait_for("the dyno has the request", lambda: any("/slow" in head for head in dynos.heads), 10)
    waiting = run("closed", quiet=0, wait_timeout=1)
    assert waiting["failed"]
    assert "1 connections are still open" in waiting["msg"]
    dynos.release.set()
    assert connection.getresponse().status == 200
    assert run("closed")["changed"] is False


def test_the_manifold_goes_on_telling_a_closed_router_its_routes(
    serving: Router, mesh: Mesh, dynos: Dynos, run: Run
) -> None:
    run("closed", quiet=0)
    assert mesh.converge(table(app(dynos.start("web.2", "newer")))).ok
    run("open")
    assert serving.get(HOST)[1] == "newer"


def test_a_host_without_haproxy_is_said(run: Run, tmp_path_factory: pytest.TempPathFactory) -> None:
    missing = tmp_path_factory.mktemp("none") / "router.sock"
    assert "HAProxy does not answer on" in run("closed", socket=str(missing))["msg"]


@pytest.mark.parametrize("given", [{"quiet": -1}, {"wait_timeout": 0}, {"state": "ajar"}])
def test_wrong_input_is_refused(run: Run, given: dict) -> None:
    assert run(**{"state": "closed", **given})["failed"]
