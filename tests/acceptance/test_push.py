"""A push becomes a served request."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest
from platform_client import SAMPLE, App, wait_for
from sources import crashing, web


@pytest.mark.parametrize("via", ["ssh", "https"])
def test_the_sample_answers_on_both_routers_after_a_push(new_app: Callable[..., App], via: str) -> None:
    app = new_app()
    repository = app.repository(SAMPLE)
    pushed = app.push(repository, via)
    assert pushed.accepted, pushed.output
    for line in ("remote: -----> ", "Released v3", "Verifying deploy... done."):
        assert line in pushed.output, pushed.output
    for router in range(len(app.platform.routers)):
        assert app.get(router=router).status == 200
        assert app.get(router=router, tls=True).status == 200
    assert app.release()["version"] == 3


def test_the_worker_of_the_sample_runs_when_it_is_scaled_and_its_lines_reach_the_log(
    new_app: Callable[..., App],
) -> None:
    app = new_app()
    app.deploy(SAMPLE)
    assert app.dynos("worker") == []
    app.scale(worker=1)
    wait_for("a line of worker.1", lambda: any("app[worker.1]:" in line for line in app.logs()), 60)


def test_dyno_router_and_api_lines_stand_in_one_stream(new_app: Callable[..., App]) -> None:
    app = new_app()
    app.deploy(web())
    app.get("/print/a-line-with-%25s%25n-in-it")
    for wanted in ("app[web.1]: a-line-with-", "heroku[router]: at=info method=GET", "app[api]: Release v3 created"):
        wait_for(wanted, lambda wanted=wanted: any(wanted in line for line in app.logs(200)), 30)
    wait_for("state line", lambda: any("State changed from starting to up" in line for line in app.logs(200)), 30)


def test_config_vars_make_a_release_and_reach_the_dyno_unharmed(new_app: Callable[..., App]) -> None:
    app = new_app()
    app.deploy(web())
    odd = "a 'b' \"c\" $(id) `id` %s\\n é\nsecond line"
    app.call("PATCH", "/config-vars", {"ODD": odd}, 200)
    wait_for("v4 is current", lambda: app.release()["version"] == 4)
    assert f"ODD={odd}" in app.get("/env").body  # at once: a release is current when no other answers any more
    assert app.call("GET", "/config-vars", status=200).json()["ODD"] == odd


def test_rollback_is_a_new_release_with_the_old_slug_and_config(new_app: Callable[..., App]) -> None:
    app = new_app()
    repository = app.deploy(web("one"))
    app.commit(repository, web("two"))
    assert app.push(repository).accepted
    assert app.get().body.startswith("two ")
    old = next(r for r in app.call("GET", "/releases").json() if r["version"] == 3)
    app.call("POST", "/releases", {"release": old["id"]}, 201)
    wait_for("v5 is current", lambda: app.release()["version"] == 5)
    assert app.release()["slug"]["id"] == old["slug"]["id"]
    assert app.get().body.startswith("one ")


def test_a_boot_that_fails_leaves_the_old_release_serving(new_app: Callable[..., App]) -> None:
    app = new_app()
    repository = app.deploy(web("steady"))
    app.commit(repository, crashing())
    pushed = app.push(repository)
    assert not pushed.accepted, pushed.output
    assert app.get().body.startswith("steady ")
    assert app.release()["version"] == 3


def test_unknown_host_no_web_and_crashed_app_answer_with_their_codes(new_app: Callable[..., App]) -> None:
    app = new_app()
    unknown = app.platform.get(f"nobody-here.{app.platform.apps_domain}")
    assert unknown.status == 404, unknown
    app.deploy(web())
    app.scale(web=0)
    answer = wait_for("H14", lambda: (a := app.get()).status == 503 and a)
    assert "H14" in answer.body + json.dumps(answer.headers), answer
    wait_for("H14 in the log", lambda: any("code=H14" in line for line in app.logs(50, source="heroku")), 30)
    crashed = new_app()
    crashed.push(crashed.repository(crashing()))
    answer = wait_for("H10", lambda: "H10" in (a := crashed.get()).body + json.dumps(a.headers) and a, 90)
    assert answer.status == 503


def test_maintenance_answers_h80_and_ends(new_app: Callable[..., App]) -> None:
    app = new_app()
    app.deploy(web())
    app.call("PATCH", "", {"maintenance": True}, 200)
    wait_for("H80", lambda: app.get().status == 503)
    app.call("PATCH", "", {"maintenance": False}, 200)
    wait_for("serving again", lambda: app.get().status == 200)


def test_a_domain_of_the_users_answers(new_app: Callable[..., App]) -> None:
    app = new_app()
    app.deploy(web("mine"))
    app.call("POST", "/domains", {"hostname": f"www.{app.name}.example.org", "sni_endpoint": None}, 201)
    wait_for("the domain", lambda: app.platform.get(f"www.{app.name}.example.org").body.startswith("mine"))
    app.call("DELETE", f"/domains/www.{app.name}.example.org", status=200)
    wait_for("the domain gone", lambda: app.platform.get(f"www.{app.name}.example.org").status == 404)


def test_a_destroyed_app_answers_nowhere(new_app: Callable[..., App]) -> None:
    app = new_app()
    app.deploy(web())
    app.destroy()
    for router in range(len(app.platform.routers)):
        wait_for("404", lambda router=router: app.get(router=router).status == 404)
