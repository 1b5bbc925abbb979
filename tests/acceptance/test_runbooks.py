"""The operator's runbooks against the lab, as an operator runs them: `fab …` in a process of its own."""

from __future__ import annotations

import json
import os
import resource
import stat
import subprocess
import tarfile
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from fab_runs import FAB, environment, fab, told
from machines import on
from platform_client import ROOT, App, Platform, wait_for
from sources import web

SECRETS = Path("/var/lib/hokku-lab/secrets")
SERVICE = "hokku-courier"  # while it rests, drains and webhooks wait, and nothing is lost


@pytest.fixture(scope="module")
def app(platform: Platform) -> Iterator[App]:
    """An app with one web dyno, for the tasks to look at and to scale."""
    made = platform.create_app(f"fabric-{uuid.uuid4().hex[:8]}")
    try:
        made.deploy(web())
        made.wait_dynos("web", 1)
        yield made
    finally:
        made.destroy()


def test_status_shows_every_machine_its_services_and_that_the_api_answers() -> None:
    found = told("status")
    assert found["ok"] is True
    assert [each["host"] for each in found["hosts"]] == ["control1", "router1", "router2", "dyno1", "dyno2", "dyno3"]
    by_name = {each["host"]: each["services"] for each in found["hosts"]}
    assert by_name["control1"]["hokku-api"] == by_name["control1"]["postgresql@15-main"] == "active"
    assert by_name["router1"]["haproxy"] == by_name["dyno3"]["lxd"] == "active"
    text = fab("status")
    assert "\x1b" not in text, "colours are for terminals"
    assert "https://localhost:5443  answers" in text


def test_hosts_shows_how_full_each_machine_is_and_the_dynos_of_those_that_run_some(app: App) -> None:
    rows = {each["host"]: each for each in told("hosts")["hosts"]}
    assert len(rows) == 6
    for row in rows.values():
        assert row["memory"] > row["memory_used"] > 0
        assert row["disk"] > row["disk_used"] > 0
        assert row["up"] > 0
    assert rows["dyno1"]["wanted"] == "active"
    assert sum(rows[name]["dynos"] for name in ("dyno1", "dyno2", "dyno3")) >= len(app.dynos())


def test_scaling_takes_the_api_under_a_second_and_the_command_less_of_a_processor(app: App) -> None:
    """Of three: the best time from the first request to the last answer, and the least processor time of the command.

    Together they are how long it takes on a computer that does nothing else, which one with a lab on it seldom is.
    """
    asked, worked = [], []
    for quantity in (2, 3, 2):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        found = told("scale", "--app", app.name, f"web={quantity}")
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        worked.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
        asked.append(found["seconds"])
        assert (found["changed"], found["formation"][0]["quantity"]) == (True, quantity)
        assert app.call("GET", "/formation/web").json()["quantity"] == quantity
    assert min(asked) + min(worked) < 1, f"the API {asked} s, the command {worked} s"


def test_several_types_more_or_less_and_a_wait_until_they_are_up(app: App) -> None:
    fab("scale", "--app", app.name, "web=1", "--wait")
    assert [dyno["state"] for dyno in app.dynos("web")] == ["up"]
    found = told("scale", "--wait", "--app", app.name, "web=+1")
    assert found["formation"] == [{"type": "web", "was": 1, "quantity": 2, "size": "Basic", "changed": True}]
    assert len(app.dynos("web")) == 2
    assert told("scale", "--app", app.name, "web=2")["changed"] is False
    shown = told("dynos", "--app", app.name, "--where")
    assert [(dyno["dyno"], dyno["state"]) for dyno in shown["dynos"]] == [("web.1", "up"), ("web.2", "up")]
    assert {dyno["host"] for dyno in shown["dynos"]} <= {"dyno1", "dyno2", "dyno3"}
    assert shown["formation"]["web"] == 2


def test_what_cannot_be_is_one_sentence_on_stderr(app: App) -> None:
    assert fab("scale", "--app", app.name, "nix=1", status=1).startswith(
        "fab scale: Couldn't find that process type (nix)"
    )
    said = fab("dynos", "--app", "nobody-has-this-app", status=1)
    assert said.startswith("fab dynos: There is no app nobody-has-this-app that this account may use")
    assert "fab drain: Couldn't find that host (dyno9)" in fab("drain", "--host", "dyno9", status=1)


def test_tail_shows_lines_as_they_come(app: App) -> None:
    words = [FAB, "tail", "--app", app.name, "--lines", "0", "--source", "heroku", "--json"]
    process = subprocess.Popen(words, cwd=ROOT, env=environment(), text=True, stdout=subprocess.PIPE)
    try:
        os.set_blocking(process.stdout.fileno(), False)
        seen: list[dict] = []

        def comes() -> bool:
            app.get("/tailed")
            seen.extend(json.loads(line) for line in process.stdout.readlines())
            return any(each["process"] == "router" and 'path="/tailed"' in each["message"] for each in seen)

        wait_for("the router's line in the tail", comes, seconds=30, every=0.5)
        assert {each["source"] for each in seen} == {"heroku"}
    finally:
        process.terminate()
        process.wait(timeout=20)


def test_why_tells_what_the_manifold_decided_about_a_dyno(app: App) -> None:
    found = told("why", "--dyno", f"{app.name}/web.1")
    assert found["dyno"]["state"] == "up"
    decisions = found["decisions"]
    assert {"start", "up"} <= {each["decision"] for each in decisions}
    assert all(each["dyno"] == "web.1" and each["reason"].endswith(".") for each in decisions)
    assert [each["created_at"] for each in decisions] == sorted((e["created_at"] for e in decisions), reverse=True)


def test_a_drained_host_has_no_dyno_left_and_can_be_taken_back(app: App) -> None:
    try:
        found = told("drain", "--host", "dyno3")
        assert (found["wanted"], found["drained"], found["dynos"]) == ("drained", True, 0)
        assert "dyno3" not in {dyno["host"] for dyno in told("dynos", "--app", app.name, "--where")["dynos"]}
    finally:
        assert told("activate", "--host", "dyno3")["wanted"] == "active"


def test_the_doctor_finds_a_whole_lab_well() -> None:
    found = told("doctor")
    assert found["ok"] is True, found["next"]
    failed = [each for each in found["findings"] if each["state"] == "failed"]
    assert failed == []
    assert {"control1", "router1", "router2", "dyno1", "dyno2", "dyno3"} <= {each["host"] for each in found["findings"]}
    assert any(each["part"] == "database" and each["state"] == "ok" for each in found["findings"]), (
        "the API's own checks"
    )


@pytest.fixture
def stopped() -> Iterator[Callable[[str], None]]:
    """`stopped("hokku-courier")`: a service of control1 that rests until the test is over."""
    rests: list[str] = []

    def stop(unit: str) -> None:
        rests.append(unit)
        on("control1", "systemctl", "stop", unit)

    yield stop
    for unit in rests:
        on("control1", "systemctl", "start", unit)
        wait_for(f"{unit} runs again", lambda unit=unit: "active" in on("control1", "systemctl", "is-active", unit))


def test_the_doctor_says_the_one_thing_to_do_while_a_service_is_stopped(stopped: Callable[[str], None]) -> None:
    stopped(SERVICE)
    found = told("doctor", status=1)
    assert found["ok"] is False
    assert (found["next"]["host"], found["next"]["name"], found["next"]["state"]) == ("control1", SERVICE, "failed")
    said = fab("doctor", status=1)
    assert said.count("Next: ") == 1
    assert f"Next: On control1: systemctl start {SERVICE};" in said
    assert told("status", status=1)["ok"] is False


def test_the_doctor_works_without_the_api_and_says_to_start_it(stopped: Callable[[str], None]) -> None:
    stopped("hokku-api")
    found = told("doctor", status=1)
    assert (found["next"]["host"], found["next"]["name"]) == ("control1", "hokku-api")
    afar = [each for each in found["findings"] if each["part"] == "api" and each["host"] is None]
    assert [each["state"] for each in afar] == ["failed"]


def test_a_diagnosis_holds_what_helps_and_no_secret(tmp_path: Path, platform: Platform) -> None:
    target = tmp_path / "diagnose.tar.gz"
    assert told("diagnose", "--output", str(target), "--lines", "200")["file"] == str(target)
    assert stat.S_IMODE(target.stat().st_mode) == 0o600
    with tarfile.open(target) as archive:
        members = {entry.name: archive.extractfile(entry).read() for entry in archive if entry.isfile()}
    assert b"hokku.api" in members["diagnose/hosts/control1/journal/hokku-api.service.txt"]
    assert b"redis_version" in members["diagnose/hosts/control1/redis/info.txt"]
    assert b"releases" in members["diagnose/hosts/control1/postgresql/sizes.txt"]
    assert b"srv_name" in members["diagnose/hosts/router1/haproxy/servers.txt"]
    assert b"Online" in members["diagnose/hosts/dyno1/lxd/members.txt"]
    assert b"apps_domain" in members["diagnose/hosts/control1/hokku.toml.txt"]
    whole = b"\n".join(members.values())
    for path in SECRETS.iterdir():  # looked for here once more, without the code that looked for them there
        if path.suffix not in (".crt", ".pem"):  # apps.pem begins with a certificate, which is no secret
            lines = [line for line in path.read_bytes().splitlines() if not line.startswith(b"-----")]
            assert not any(line in whole for line in lines if len(line) >= 8), path.name
    assert platform.token.encode() not in whole
    assert b"PRIVATE KEY-----" not in whole
