"""What the runbooks print, on terminals and into pipes."""

from __future__ import annotations

import pytest

from runbooks import screen

ROW = ("worker-of-the-shop.12", "2026-11-27T17:59:42Z", "python work.py --queues mail,print,stock")


@pytest.mark.parametrize("columns", ["40", "200", None])
def test_no_cell_is_cut_and_no_line_ends_in_blanks(
    columns: str | None, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    if columns:
        monkeypatch.setattr("sys.stdout.isatty", lambda: True)
        monkeypatch.setenv("COLUMNS", columns)
    screen.table(("dyno", "since", "command"), [ROW, ("web.1", "-", "x")])
    heading, first, second = (screen.plain(line) for line in capsys.readouterr().out.splitlines())
    assert heading.split() == ["dyno", "since", "command"]
    assert first == "  ".join(ROW)
    assert second.split() == ["web.1", "-", "x"]
    assert [line.rstrip() for line in (heading, first, second)] == [heading, first, second]


def test_the_last_column_is_folded_where_there_is_room_for_it(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    monkeypatch.setenv("COLUMNS", "70")
    screen.table(("dyno", "since", "command"), [ROW])
    lines = [screen.plain(line) for line in capsys.readouterr().out.splitlines()]
    assert len(lines) > 2
    assert max(map(len, lines)) <= 70


def test_nobody_who_reads_on_is_for_the_runbook_to_tell(monkeypatch: pytest.MonkeyPatch) -> None:
    class Closed:
        def isatty(self) -> bool:
            return False

        def write(self, text: str) -> None:
            raise BrokenPipeError

    monkeypatch.setattr("sys.stdout", Closed())
    with pytest.raises(BrokenPipeError):
        screen.say("one line")
