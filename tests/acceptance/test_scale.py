"""Scaling and deploying under load, without a failed request."""

from __future__ import annotations

import collections
import time
from collections.abc import Callable

from load import Load
from machines import instances_of, on
from platform_client import App, wait_for
from sources import web

from lab.catalogue import machine_named


def test_three_dynos_on_three_hosts_answer_a_third_each_and_scaling_loses_nothing(new_app: Callable[..., App]) -> None:
    app = new_app()
    app.deploy(web())
    with Load(app) as load:
        wait_for("load", lambda: load.sent > 100)
        app.scale(web=3)
        wait_for("all three answer", lambda: len({body for _, body in load.seen[-60:]}) == 3)
        app.scale(web=1)
        after = load.sent
        wait_for("load after", lambda: load.sent > after + 100)
    assert load.failed == []

    app.scale(web=3)
    hosts = {found["location"] for found in instances_of(app)}
    assert len(hosts) == 3, hosts
    for router in range(len(app.platform.routers)):
        count = collections.Counter(app.get(router=router).body for _ in range(300))
        assert sorted(count) == ["one web.1", "one web.2", "one web.3"]
        assert all(abs(number - 100) <= 1 for number in count.values()), count


def test_a_deploy_under_load_fails_no_request_and_no_old_answer_comes_after_it(new_app: Callable[..., App]) -> None:
    app = new_app()
    repository = app.deploy(web("old"))
    app.scale(web=2)
    app.commit(repository, web("new"))
    with Load(app) as load:
        wait_for("load", lambda: load.sent > 100)
        pushed = app.push(repository)
        returned = time.time()
        assert pushed.accepted, pushed.output
        after = load.sent
        wait_for("load after", lambda: load.sent > after + 300)
    assert load.failed == []
    late = [body for at, body in load.seen if at > returned and not body.startswith("new ")]
    assert late == []
    assert any(body.startswith("old ") for _, body in load.seen)


def test_a_slow_request_in_flight_finishes_during_a_deploy(new_app: Callable[..., App]) -> None:
    app = new_app()
    repository = app.deploy(web("old"))
    app.commit(repository, web("new"))
    with Load(app, clients=1, path="/slow/8") as load:
        assert app.push(repository).accepted
    assert load.failed == []


def test_what_lxd_forgets_to_close_does_not_pile_up(new_app: Callable[..., App]) -> None:
    """LXD 5.0.2 leaves an event stream to itself open for each container that it makes; each slows it down."""
    app = new_app()
    app.deploy(web())
    for quantity in (12, 1, 12, 1):
        app.scale(web=quantity)

    def to_itself(machine: str) -> int:
        own = machine_named(machine).address
        return len(
            on(
                machine, "ss", "-Hnt", "state", "established", "src", own, "dst", own, "dport", "=", ":8443"
            ).splitlines()
        )

    machines = ("dyno1", "dyno2", "dyno3")
    wait_for("forgotten streams to be closed", lambda: max(map(to_itself, machines)) <= 6, 180, 5)
