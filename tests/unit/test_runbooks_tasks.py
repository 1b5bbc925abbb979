"""`fab drain`, `activate`, `add`, `remove`, `why` and `tail`: what they ask, what they say, and when they end."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from fake_api import FakeApi, Refusal, Turns
from invoke import Context, Exit

from runbooks import access, drain, membership, tail, why
from runbooks.refusal import Refused

HOST = "/hosts/dyno1"
DECISIONS = "/apps/shop/dynos/web.1/decisions"
OLDER = Refusal(404, "The requested API endpoint was not found. Are you using the right HTTP verb?", "not_found")


def host(wanted: str = "drained", dynos: int = 0, **more: object) -> dict:
    told = {"name": "dyno1", "state": "online", "wanted": wanted, "dynos": dynos, "oneoffs": 0, "reason": None}
    return {**told, "drained": wanted == "drained" and not dynos, **more}


@pytest.fixture
def api(monkeypatch: pytest.MonkeyPatch) -> FakeApi:
    fake = FakeApi()
    monkeypatch.setattr(access, "api", lambda given: fake)
    monkeypatch.setattr(drain.time, "sleep", lambda seconds: None)
    return fake


def test_a_drain_waits_until_nothing_is_left_and_says_what_it_waits_for(
    api: FakeApi, capsys: pytest.CaptureFixture[str]
) -> None:
    waits = host(dynos=1, reason="web.1 of shop is being replaced.")
    api.answers = {("GET", HOST): Turns([host("active", 2), waits, host()]), ("PATCH", HOST): host(dynos=2)}
    drain.drain(Context(), host="dyno1")
    assert api.changes == [("PATCH", HOST, {"wanted": "drained"})]
    assert capsys.readouterr().out.splitlines() == [
        "dyno1 has 2 dynos and 0 one-off dynos left.",
        "dyno1 has 1 dynos and 0 one-off dynos left (web.1 of shop is being replaced).",
        "dyno1 has no dyno left and gets none: it can be stopped. fab activate --host dyno1 takes it back.",
    ]


def test_a_drain_that_does_not_end_in_time_fails_and_says_that_it_goes_on(api: FakeApi) -> None:
    api.answers = {("GET", HOST): host("active", 2), ("PATCH", HOST): host(dynos=2)}
    api.answers["GET", HOST] = Turns([host("active", 2), host(dynos=2)])
    with pytest.raises(Exit, match=r"2 dynos .* left\. That is so after 1 s\. It goes on by itself"):
        drain.drain(Context(), host="dyno1", timeout=1)


def test_a_drain_that_somebody_takes_back_ends(api: FakeApi) -> None:
    api.answers = {("GET", HOST): Turns([host("active", 2), host("active", 2)]), ("PATCH", HOST): host(dynos=2)}
    with pytest.raises(Exit, match="Somebody else has meanwhile said that dyno1 shall be active"):
        drain.drain(Context(), host="dyno1")


def test_activating_says_that_dynos_come_again(api: FakeApi, capsys: pytest.CaptureFixture[str]) -> None:
    api.answers = {("GET", HOST): host("drained"), ("PATCH", HOST): host("active")}
    drain.activate(Context(), host="dyno1", json=True)
    assert json.loads(capsys.readouterr().out)["changed"] is True


@pytest.mark.parametrize("name", ["", "a b", "../apps", "-x", "d;id"])
def test_what_is_no_hosts_name_is_refused_before_anything_is_asked(api: FakeApi, name: str) -> None:
    with pytest.raises(Exit):
        drain.drain(Context(), host=name)
    assert api.asked == []


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"host": "dyno1", "confirm": "dyno2"}, "--confirm is dyno2, and the host dyno1"),
        ({"host": "dyno1"}, "Nobody can be asked here: add --confirm dyno1"),
        ({"host": "dyno1", "json": True}, "Nobody can be asked here"),
        ({"host": "d;id", "confirm": "d;id"}, "'d;id' is no host's name"),
        ({}, "No host is named: fab remove --host NAME"),
    ],
)
def test_a_host_whose_name_is_not_said_twice_is_not_removed(
    monkeypatch: pytest.MonkeyPatch, options: dict, said: str
) -> None:
    monkeypatch.setattr(membership.subprocess, "Popen", None)  # whatever would be run fails
    with pytest.raises(Exit, match=re.escape(said)):
        membership.remove(Context(), **options)


@pytest.fixture
def ansible_playbook(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[[str], None]:
    """`ansible_playbook(script)`: what is run in its place."""

    def put(script: str) -> None:
        program = tmp_path / "ansible-playbook"
        program.write_text(f"#!/bin/sh\n{script}\n")
        program.chmod(0o755)
        monkeypatch.setattr(membership.sys, "executable", str(tmp_path / "python"))

    return put


@pytest.mark.parametrize(("status", "said"), [(2, "It can be run again"), (99, "Run it again: it goes on")])
def test_a_playbook_that_fails_or_is_interrupted_can_be_run_again(
    ansible_playbook: Callable[[str], None], status: int, said: str
) -> None:
    ansible_playbook(f"exit {status}")
    with pytest.raises(Exit, match=said):
        membership.add(Context(), host="dyno4")


def test_what_a_playbook_changed_is_told_by_host(
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    capfd: pytest.CaptureFixture[str],
    ansible_playbook: Callable[[str], None],
) -> None:
    recap = "dyno4 : ok=9 changed=7 unreachable=0 failed=0 skipped=1"
    ansible_playbook(f'echo "$@" "$ANSIBLE_INVENTORY" > "{tmp_path}/asked"\necho "{recap}"')
    monkeypatch.delenv("HOKKU_INVENTORY", raising=False)
    monkeypatch.setenv("ANSIBLE_INVENTORY", "one,two")
    membership.add(Context(), host="dyno4", json=True)
    printed = capfd.readouterr()
    assert json.loads(printed.out) == {"host": "dyno4", "member": True, "changed": {"dyno4": 7}}
    assert recap in printed.err
    asked = (tmp_path / "asked").read_text()
    assert 'add_host.yml --extra-vars {"host": "dyno4"} one,two' in asked


def test_a_refusal_of_the_api_is_told_and_an_older_api_is_named(api: FakeApi) -> None:
    refusal = Refusal(422, "Host dyno1 cannot be drained: no other host would be left that takes dynos.")
    api.answers = {("GET", HOST): host("active"), ("PATCH", HOST): refusal}
    with pytest.raises(Exit, match="fab drain: Host dyno1 cannot be drained: no other host would be left"):
        drain.drain(Context(), host="dyno1")
    api.answers = {("GET", HOST): OLDER}
    with pytest.raises(Exit, match=r"does not know what is wanted of hosts .* yet: run playbooks/site\.yml"):
        drain.drain(Context(), host="dyno1")


def test_why_tells_the_newest_decisions_and_how_the_dyno_is(api: FakeApi, capsys: pytest.CaptureFixture[str]) -> None:
    made = [
        {
            "created_at": f"2026-11-25T10:00:0{n}Z",
            "dyno": "web.1",
            "host": "dyno2",
            "decision": "start",
            "reason": said,
        }
        for n, said in ((2, "It was not there."), (1, "Its host was lost."))
    ]
    now = {"name": "web.1", "state": "up", "updated_at": "2026-11-25T10:00:03Z", "release": {"version": 7}}
    api.answers = {("GET", DECISIONS): made, ("GET", "/apps/shop/dynos/web.1"): now}
    why.why(Context(), dyno="shop/web.1", lines=1)
    said = capsys.readouterr().out
    assert "shop/web.1 is up since 2026-11-25T10:00:03Z, of release v7." in said
    assert "It was not there." in said
    assert "Its host was lost." not in said


def test_why_says_of_an_older_api_what_to_do(api: FakeApi) -> None:
    api.answers = {("GET", DECISIONS): OLDER}
    with pytest.raises(Exit, match=r"does not know why a dyno is where it is yet: run playbooks/site\.yml"):
        why.why(Context(), dyno="web.1", app="shop")


def test_a_dyno_is_named_with_its_application_one_way_or_the_other() -> None:
    assert (
        why.which("", "shop/web.1")
        == why.which("shop", "web.1")
        == why.which("shop", "shop/web.1")
        == ("shop", "web.1")
    )
    for app, dyno in (("", "web.1"), ("shop", "other/web.1"), ("", "/web.1"), ("shop", ""), ("", "a/b/c")):
        with pytest.raises(Refused):
            why.which(app, dyno)


@pytest.mark.parametrize(("lines", "source"), [(-1, ""), (1501, ""), (10, "heruko")])
def test_a_tail_of_what_there_is_not_is_refused_before_anything_is_asked(api: FakeApi, lines: int, source: str) -> None:
    with pytest.raises(Exit, match="fab tail: --"):
        tail.tail(Context(), app="shop", lines=lines, source=source)
    assert api.asked == []


def test_a_line_is_taken_apart_and_coloured_on_terminals_alone() -> None:
    line = "2026-11-25T10:00:00.1+00:00 app[web.1]: hello \x1b[31mred\x1b]0;title\x07\x1b[2J"
    assert tail.parsed(line) == {
        "time": "2026-11-25T10:00:00.1+00:00", "source": "app", "process": "web.1",
        "message": "hello \x1b[31mred\x1b]0;title\x07\x1b[2J",
    }  # fmt: skip
    assert tail.shown(line, colours=False) == line
    shown = tail.shown(line, colours=True)
    assert shown.startswith("\x1b[36m2026-11-25T10:00:00.1+00:00 app[web.1]:\x1b[0m hello \x1b[31mred")
    assert shown.endswith("\x1b[0m")
    assert "\x07" not in shown
    assert "\x1b]" not in shown
    assert "\x1b[2J" not in shown
    assert tail.parsed("no head")["message"] == "no head"
