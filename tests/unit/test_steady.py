"""Loops that go on whatever happens, and parts of which none keeps the next from being done."""

from __future__ import annotations

import threading

import psycopg
import pytest

from hokku import steady


def test_a_turn_that_raises_is_followed_by_the_next(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(steady, "_PAUSE", 0.0)
    over, turns = threading.Event(), []

    def turn() -> None:
        turns.append(len(turns))
        if len(turns) == 4:
            over.set()
        raise (ValueError("odd"), psycopg.OperationalError("away"), MemoryError())[len(turns) % 3]

    thread = threading.Thread(target=steady.keep_on, args=("turning", turn, over.is_set))
    thread.start()
    thread.join(10)
    assert turns == [0, 1, 2, 3]


def test_a_part_says_whether_it_was_done_and_a_database_error_is_logged_without_its_values(
    caplog: pytest.LogCaptureFixture,
):
    def broken() -> None:
        raise psycopg.errors.UniqueViolation("Key (token)=(secret) already exists.")

    assert steady.attempt("trying", lambda: None)
    assert not steady.attempt("trying", broken)
    assert "trying: the database: UniqueViolation" in caplog.text
    assert "secret" not in caplog.text


def test_the_end_of_the_process_is_not_survived():
    def ended() -> None:
        raise SystemExit(1)

    with pytest.raises(SystemExit):
        steady.attempt("ending", ended)
