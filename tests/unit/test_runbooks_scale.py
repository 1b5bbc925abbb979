"""`fab scale`: how its words are read, and what it asks of the API."""

from __future__ import annotations

import json

import pytest
from fake_api import FakeApi, Refusal
from invoke import Context, Exit

from runbooks import access
from runbooks.refusal import Refused
from runbooks.scale import Change, changes, scale, together

FORMATION = "/apps/shop/formation"


def row(kind: str, quantity: int, size: str = "Basic") -> dict:
    return {"type": kind, "quantity": quantity, "size": size}


@pytest.fixture
def api(monkeypatch: pytest.MonkeyPatch) -> FakeApi:
    fake = FakeApi({("GET", FORMATION): [row("web", 1), row("worker", 2)]})
    monkeypatch.setattr(access, "api", lambda given: fake)
    return fake


def test_words_say_how_many_how_many_more_and_of_what_size() -> None:
    assert changes("web=5,worker=+1 clock=1:standard-2x,a=:eco") == [
        Change("web", "5", None),
        Change("worker", "+1", None),
        Change("clock", "1", "standard-2x"),
        Change("a", None, "eco"),
    ]
    assert Change("web", "05", None).update() == {"type": "web", "quantity": 5}
    assert Change("web", "-1", "eco").update() == {"type": "web", "quantity": "-1", "size": "eco"}


@pytest.mark.parametrize(
    "word", ["web", "web=", "web=x", "=1", "web=1.5", "web=1:", "we b=1", "-w=1", "web=1;id", "web=--1"]
)
def test_a_word_that_is_no_change_is_named(word: str) -> None:
    with pytest.raises(Refused, match="write TYPE=NUMBER"):
        changes(word)


def test_nothing_and_twice_are_refused() -> None:
    with pytest.raises(Refused, match="Nothing is to be changed"):
        changes("")
    with pytest.raises(Refused, match="web is given twice"):
        changes("web=1,web=2")


def test_words_of_the_command_line_become_one_option_wherever_they_stand() -> None:
    wanted = ["scale", "--changes", "web=5,worker=+1", "--app", "shop", "--json"]
    assert together(["scale", "--app", "shop", "web=5", "worker=+1", "--json"]) == wanted
    assert together(["scale", "web=5", "--app", "shop", "worker=+1", "--json"]) == wanted


def test_words_of_other_tasks_and_flags_with_an_equals_sign_stay() -> None:
    for words in (["tail", "--app", "shop"], ["scale", "--app=shop", "--help"], ["why", "--dyno=shop/web.1"]):
        assert together(words) == words


def test_what_is_so_already_changes_nothing(api: FakeApi, capsys: pytest.CaptureFixture[str]) -> None:
    scale(Context(), app="shop", changes="web=1,worker=2:basic")
    assert api.changes == []
    assert capsys.readouterr().out == "shop web: 1 (Basic), as it was\nshop worker: 2 (Basic), as it was\n"


def test_waiting_ends_when_dynos_of_the_wanted_size_are_up(api: FakeApi, monkeypatch: pytest.MonkeyPatch) -> None:
    small = {"name": "web.1", "type": "web", "state": "up", "size": "Basic"}
    large = small | {"size": "Standard-2X"}
    looks = iter([[small], [small, large | {"state": "starting"}], [small, large], [large]])
    api.answers["PATCH", FORMATION] = [row("web", 1, "Standard-2X")]
    api.answers["GET", "/apps/shop/dynos"] = lambda *_: next(looks)
    monkeypatch.setattr("time.sleep", lambda _: None)
    scale(Context(), app="shop", changes="web=1:standard-2x", wait=True)
    assert next(looks, None) is None


def test_all_types_are_scaled_by_one_request(api: FakeApi, capsys: pytest.CaptureFixture[str]) -> None:
    api.answers["PATCH", FORMATION] = [row("web", 5), row("worker", 3, "Standard-2X")]
    scale(Context(), app="shop", changes="web=5,worker=+1:standard-2x", json=True)
    updates = [{"type": "web", "quantity": 5}, {"type": "worker", "quantity": "+1", "size": "standard-2x"}]
    assert api.changes == [("PATCH", FORMATION, {"updates": updates})]
    told = json.loads(capsys.readouterr().out)
    assert told["changed"] is True
    assert [(each["was"], each["quantity"]) for each in told["formation"]] == [(1, 5), (2, 3)]


def test_a_refusal_is_the_apis_one_sentence_and_exit_status_1(api: FakeApi) -> None:
    api.answers["PATCH", FORMATION] = Refusal(404, "Couldn't find that process type (clock). shop has: web, worker.")
    with pytest.raises(Exit) as ended:
        scale(Context(), app="shop", changes="clock=1")
    assert (ended.value.code, ended.value.message) == (
        1,
        "fab scale: Couldn't find that process type (clock). shop has: web, worker.",
    )


def test_nothing_is_asked_without_an_application_or_with_a_wrong_word(api: FakeApi) -> None:
    for options in ({"changes": "web=1"}, {"app": "shop", "changes": "web"}):
        with pytest.raises(Exit):
            scale(Context(), **options)
    assert api.asked == []
