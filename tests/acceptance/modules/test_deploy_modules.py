"""The modules that deploy, on the lab: each is told before, changes once, and refuses what cannot be."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from platform_client import App
from runner import Runner, Step
from sources import web

SECRET = "a-secret-of-the-shop"


def told_done_and_kept(module: str, arguments: Mapping[str, Any]) -> list[Step]:
    """The same task checked, done, and done again."""
    return [Step(module, arguments, check=True), Step(module, arguments), Step(module, arguments)]


def agree(results: Sequence[Mapping[str, Any]], *about: str) -> None:
    """The check tells what is done, with the same diff, an action `about` each; the third task has nothing to do."""
    would, changed, unchanged = results
    assert [would["changed"], changed["changed"]] == [True, True], results
    for word, before, after in zip(about, would["actions"], changed["actions"], strict=True):
        assert word in after, results
        assert after.startswith(before), results  # what is done may tell the version, too, that nobody knew before
    assert would["diff"] == changed["diff"], results
    assert changed["diff"]["before"] != changed["diff"]["after"], results
    assert (unchanged["changed"], unchanged["actions"]) == (False, []), unchanged


def in_turn(results: Sequence[dict[str, Any]]) -> Callable[[int], list[dict[str, Any]]]:
    """A function that gives the next so many results."""
    told = iter(results)
    return lambda number: [next(told) for _ in range(number)]


def refuses(result: Mapping[str, Any], value: str) -> None:
    """The task failed, and its sentence has the value."""
    assert result.get("failed"), result
    assert value in result["msg"], result


def test_an_app_is_made_moved_renamed_and_destroyed_by_tasks(runner: Runner, new_app: Callable[..., App]) -> None:
    name = new_app().name
    later = f"{name}-b"
    results = runner.play(
        [
            Step("app", {"name": name, "state": "absent", "confirm": "another"}),
            *told_done_and_kept("app", {"name": name, "state": "absent", "confirm": name}),
            Step("app", {"name": name, "stack": "debian-1"}),
            *told_done_and_kept("app", {"name": name, "stack": "debian-12"}),
            *told_done_and_kept("app", {"name": name, "stack": "debian-13"}),
            *told_done_and_kept("app", {"name": later, "renamed_from": name}),
            *told_done_and_kept("maintenance", {"app": later, "enabled": True}),
            *told_done_and_kept("buildpacks", {"app": later, "buildpacks": ["heroku/nodejs", "heroku/python"]}),
            Step("buildpacks", {"app": later, "buildpacks": ["heroku/cobol"]}),
            Step("buildpacks_info", {"app": later}),
            Step("app_info", {"app": later}),
            Step("app", {"name": name, "renamed_from": later}),
            Step("maintenance", {"app": later, "enabled": False}),
        ]
    )
    some = in_turn(results)
    (unconfirmed,) = some(1)
    refuses(unconfirmed, "another")
    agree(some(3), "destroyed")
    (nowhere,) = some(1)
    refuses(nowhere, "debian-1")
    agree(some(3), "created")
    agree(some(3), "debian-13")
    agree(some(3), later)
    agree(some(3), "maintenance mode enabled")
    agree(some(3), "heroku/python")
    unknown, packs, info, back, missing = some(5)
    refuses(unknown, "heroku/cobol")
    assert packs["buildpacks"] == ["heroku/nodejs", "heroku/python"], packs
    assert [each["name"] for each in info["apps"]] == [later], info
    assert back["changed"], back
    refuses(missing, later)


def test_a_source_is_compiled_released_scaled_run_and_rolled_back_by_tasks(
    runner: Runner, new_app: Callable[..., App], tmp_path: Path
) -> None:
    app = new_app()
    source = tmp_path / "shop"
    source.mkdir()
    for path, content in (web() | {"Procfile": "web: python server.py\nworker: sleep 1000\n"}).items():
        (source / path).write_text(content)
    compiled = {"app": app.name, "source": str(source)}
    would, built, kept, nothing = runner.play(
        [*told_done_and_kept("slug", compiled), Step("slug", {"app": app.name, "source": str(tmp_path / "nowhere")})]
    )
    assert [would["changed"], built["changed"]] == [True, True], (would, built)
    assert (kept["changed"], kept["slug"]) == (False, built["slug"]), kept
    refuses(nothing, "nowhere")

    held = {"app": app.name, "vars": {"KEY": SECRET, "COUNTRY": "CH"}}
    results = runner.play(
        [
            *told_done_and_kept("config_vars", held),
            *told_done_and_kept("release", {"app": app.name, "slug": built["slug"]}),
            *told_done_and_kept("formation", {"app": app.name, "processes": {"web": 2, "worker": 1}, "purge": True}),
            *told_done_and_kept("config_vars", {"app": app.name, "vars": {"COUNTRY": "FR"}, "wait": True}),
            *told_done_and_kept("release", {"app": app.name, "rollback": "v4"}),
            Step("config_vars", {"app": app.name, "vars": {"A B": "no name"}}),
            Step("release", {"app": app.name, "rollback": "v99"}),
            Step("formation", {"app": app.name, "processes": {"web": -1}}),
            Step("formation", {"app": app.name, "processes": {"cook": 1}}),
            Step("one_off", {"app": app.name, "command": 'test "$COUNTRY" = CH && echo "it is CH"'}),
            Step("one_off", {"app": app.name, "command": ["sh", "-c", "exit 7"]}),
            Step("one_off", {"app": app.name, "command": "true"}, check=True),
            Step("config_vars_info", {"app": app.name}),
            Step("formation_info", {"app": app.name}),
            Step("release_info", {"app": app.name}),
        ]
    )
    some = in_turn(results)
    agree(some(3), "COUNTRY", "KEY")
    agree(some(3), "v4")
    agree(some(3), "web", "worker")
    agree(some(3), "COUNTRY")
    agree(some(3), "v4")
    unnamed, never, negative, cook, ran, seven, skipped, config, formation, releases = some(10)
    for refused, value in ((unnamed, "A B"), (never, "v99"), (negative, "-1"), (cook, "cook")):
        refuses(refused, value)
    assert "it is CH" in ran["output"], ran
    assert (seven["failed"], seven["status"]) == (True, 7), seven
    assert skipped["skipped"], skipped
    assert config["names"] == ["COUNTRY", "KEY"], config
    assert {each["type"]: each["quantity"] for each in formation["formation"]} == {"web": 2, "worker": 1}, formation
    assert releases["releases"][0]["version"] == 6, releases
    assert app.release()["version"] == 6
    assert app.get().body.startswith("one ")
    assert not runner.says(SECRET)
