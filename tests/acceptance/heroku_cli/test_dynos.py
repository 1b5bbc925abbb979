"""Dynos: shown, scaled, restarted, stopped, sized."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from official_cli import HerokuCli
from platform_client import App, wait_for


@pytest.fixture
def formation(shop: App) -> Iterator[App]:
    """The shared app, whose formation is laid again after the test."""
    sizes = {entry["type"]: entry["size"] for entry in shop.call("GET", "/formation", status=200).json()}
    yield shop
    updates = [
        {"type": "web", "quantity": 1, "size": sizes["web"]},
        {"type": "worker", "quantity": 0, "size": sizes["worker"]},
    ]
    shop.call("PATCH", "/formation", {"updates": updates}, 200)
    shop.wait_dynos("web", 1)
    shop.wait_dynos("worker", 0)


def quantities(app: App) -> dict[str, int]:
    return {entry["type"]: entry["quantity"] for entry in app.call("GET", "/formation", status=200).json()}


def born(app: App, kind: str) -> dict[str, str]:
    """The ids of the app's dynos that are up, by name."""
    return {dyno["name"]: dyno["id"] for dyno in app.dynos(kind) if dyno["state"] == "up"}


def test_ps_shows_each_dyno_with_its_command_and_state(cli: HerokuCli, shop: App) -> None:
    shown = cli.run("ps", app=shop.name).stdout
    assert "=== web (" in shown
    assert "python server.py (1)" in shown
    assert "web.1: up " in shown


def test_scale_absolute_relative_and_several_types(cli: HerokuCli, formation: App) -> None:
    name = formation.name
    told = cli.run("ps:scale", "web=2", "worker=1", app=name).text
    assert "Scaling dynos... done" in told
    assert "web at 2:" in told
    assert "worker at 1:" in told
    formation.wait_dynos("web", 2)
    formation.wait_dynos("worker", 1)
    shown = cli.run("ps", app=name).stdout
    assert "web.2: up " in shown
    assert "worker.1: up " in shown
    assert "web at 3:" in cli.run("ps:scale", "web+1", app=name).text
    assert quantities(formation)["web"] == 3
    assert "worker at 0:" in cli.run("ps:scale", "worker-1", "web=1", app=name).text
    assert quantities(formation) == {"web": 1, "worker": 0}
    assert "web=1:" in cli.run("ps:scale", app=name).stdout
    refused = cli.refused("ps:scale", "nothere=1", app=name)
    assert "nothere" in refused
    cli.refused("ps:scale", "web=1:Enormous", app=name)
    assert quantities(formation) == {"web": 1, "worker": 0}


def test_sizes_are_set_with_the_scale_and_by_ps_type(cli: HerokuCli, formation: App) -> None:
    def size() -> str:
        return next(e["size"] for e in formation.call("GET", "/formation").json() if e["type"] == "web")

    told = cli.run("ps:scale", "web=1:Standard-2X", app=formation.name).text
    assert "web at 1:Standard-2X" in told
    assert size() == "Standard-2X"
    shown = cli.run("ps:type", "web=Standard-1X", app=formation.name)
    assert "Standard-1X" in shown.text
    assert size() == "Standard-1X"
    assert "web" in cli.run("ps:type", app=formation.name).stdout


def test_types_are_scaled_and_sized_in_one_command_and_all_are_sized_by_one_word(
    cli: HerokuCli, formation: App
) -> None:
    name = formation.name
    told = cli.run("ps:scale", "web+1:Standard-2X", "worker=1:Eco", app=name).text
    assert "web at 2:Standard-2X" in told
    assert "worker at 1:Eco" in told
    formation.wait_dynos("web", 2)
    formation.wait_dynos("worker", 1)
    cli.run("ps:wait", app=name)
    assert cli.run("ps:scale", app=name).stdout.strip() == "web=2:Standard-2X worker=1:Eco"
    assert {(dyno["type"], dyno["size"]) for dyno in formation.dynos()} == {("web", "Standard-2X"), ("worker", "Eco")}
    cli.run("ps:type", "Basic", app=name)
    assert {entry["size"] for entry in formation.call("GET", "/formation").json()} == {"Basic"}
    assert quantities(formation) == {"web": 2, "worker": 1}


def test_restart_of_all_of_a_type_and_of_one_makes_new_dynos(cli: HerokuCli, formation: App) -> None:
    cli.run("ps:scale", "web=2", "worker=1", app=formation.name)
    formation.wait_dynos("web", 2)
    formation.wait_dynos("worker", 1)

    def renewed(before: dict[str, str], kind: str, *names: str) -> bool:
        now = born(formation, kind)
        return now.keys() == before.keys() and {n for n in now if now[n] != before[n]} == set(names)

    web, worker = born(formation, "web"), born(formation, "worker")
    cli.run("ps:restart", "web.2", app=formation.name)
    wait_for("a new web.2 and the old web.1", lambda: renewed(web, "web", "web.2"), 90)
    web = born(formation, "web")
    by_type = ["--process-type", "web"] if cli.version == "v11" else ["web"]
    cli.run("ps:restart", *by_type, app=formation.name)
    wait_for("new web dynos", lambda: renewed(web, "web", "web.1", "web.2"), 90)
    assert born(formation, "worker") == worker
    web = born(formation, "web")
    assert "Restarting" in cli.run("ps:restart", app=formation.name).text
    wait_for("new web dynos", lambda: renewed(web, "web", "web.1", "web.2"), 90)
    wait_for("a new worker", lambda: renewed(worker, "worker", "worker.1"), 90)


def test_stop_of_a_dyno_ends_it_and_the_formation_starts_another(cli: HerokuCli, formation: App) -> None:
    before = born(formation, "web")
    assert "Stopping" in cli.run("ps:stop", "web.1", app=formation.name).text
    wait_for("another web.1", lambda: (now := born(formation, "web")) and now != before, 90)
    wait_for("an answer", lambda: formation.get().status == 200, 30)


def test_stop_of_a_type_starts_others_and_leaves_other_types_alone(cli: HerokuCli, formation: App) -> None:
    cli.run("ps:scale", "web=2", "worker=1", app=formation.name)
    formation.wait_dynos("web", 2)
    formation.wait_dynos("worker", 1)
    web, worker = born(formation, "web"), born(formation, "worker")
    by_type = ["--process-type", "web"] if cli.version == "v11" else ["web"]
    cli.run("ps:stop", *by_type, app=formation.name)
    wait_for(
        "other web dynos",
        lambda: (now := born(formation, "web")).keys() == web.keys() and not set(now.values()) & set(web.values()),
        90,
    )
    assert born(formation, "worker") == worker


def test_stop_of_one_off_dynos_by_name_and_by_type_ends_them(cli: HerokuCli, shop: App) -> None:
    def detached() -> str:
        name = re.search(r"run\.\d+", cli.run("run:detached", "sleep 600", app=shop.name).text)
        assert name
        wait_for(f"{name[0]} up", lambda: name[0] in born(shop, "run"), 90)
        return name[0]

    one, other = detached(), detached()
    cli.run("ps:stop", *(["--dyno-name", one] if cli.version == "v11" else [one]), app=shop.name)
    wait_for("the other is left", lambda: [d["name"] for d in shop.dynos("run")] == [other], 60)
    cli.run("ps:stop", *(["--process-type", "run"] if cli.version == "v11" else ["run"]), app=shop.name)
    wait_for("none is left", lambda: not shop.dynos("run"), 60)
    assert "run." not in cli.run("ps", app=shop.name).stdout
