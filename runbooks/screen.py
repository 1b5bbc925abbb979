"""What people see: tables, states in colour where there is a terminal, and JSON."""

from __future__ import annotations

import io
import json
import re
import sys
from collections.abc import Iterable, Sequence
from typing import Any

WIDE = 240  # columns where there is no terminal: nothing is cut
LAST = 12  # columns at least for the last one, which is folded
STYLES = {
    "ok": "green", "up": "green", "online": "green", "active": "green", "yes": "green", "warning": "yellow",
    "starting": "yellow", "cordoned": "yellow", "drained": "yellow", "failed": "bold red", "crashed": "bold red",
    "down": "red", "offline": "bold red", "unreachable": "bold red", "no": "bold red",
}  # fmt: skip
_COLOUR = re.compile(r"\x1b\[[\d;]*m")
_BLANKS = re.compile(r" +((?:\x1b\[[\d;]*m)*)$")  # at a line's end: a narrow terminal would make lines of them
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")


def document(value: Any) -> None:
    """Print one JSON document."""
    print(json.dumps(value, indent=2))


def plain(text: str, colours: bool = False) -> str:
    """The text without what would command a terminal; with `colours` it keeps its own, and ends with none. Pure."""
    if not colours:
        return _CONTROL.sub("", _COLOUR.sub("", text))
    parts = _COLOUR.split(text)
    kept = [_CONTROL.sub("", part) for part in parts]
    codes = [*_COLOUR.findall(text), "\x1b[0m" if len(parts) > 1 else ""]
    return "".join(part + code for part, code in zip(kept, codes, strict=True))


def table(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Print rows under headings, with words that are states in their colours."""
    from rich.cells import cell_len
    from rich.table import Table
    from rich.text import Text

    made = Table(box=None, pad_edge=False, header_style="bold", padding=(0, 2, 0, 0))
    *names, last = columns
    for column in names:
        made.add_column(column, no_wrap=True)
    made.add_column(last, overflow="fold")
    widths = [len(column) for column in names]
    for row in rows:
        cells = ["-" if cell is None or cell == "" else plain(str(cell)) for cell in row]
        widths = [max(width, cell_len(cell)) for width, cell in zip(widths, cells, strict=False)]
        made.add_row(*(Text(cell, style=STYLES.get(cell, "")) for cell in cells))
    _print(made, sum(widths) + 2 * len(widths) + LAST)


def say(text: str, style: str = "") -> None:
    """Print a line, in a style where there is a terminal."""
    from rich.text import Text

    _print(Text(plain(text), style=style), soft_wrap=True)


def _print(thing: Any, least: int = 0, **how: Any) -> None:
    """Print what rich makes of it. A terminal of less than `least` columns breaks the lines itself: nothing is cut.

    Rich prints nothing itself: it would end the program, with status 1, when nobody reads on.
    """
    from rich.console import Console

    made = io.StringIO()
    if sys.stdout.isatty():
        console = Console(file=made, force_terminal=True)
    else:
        console = Console(file=made, width=WIDE, no_color=True, highlight=False)
    if console.width < least:
        console.width = WIDE
    console.print(thing, **how)
    print("\n".join(_BLANKS.sub(r"\1", line) for line in made.getvalue().splitlines()))


def size(count: float | None) -> str | None:
    """Bytes for people: 1.5 GiB. None stays None. Pure."""
    if count is None:
        return None
    for unit in ("B", "KiB", "MiB", "GiB"):
        if abs(count) < 1024:
            return f"{count:.0f} {unit}" if unit in ("B", "KiB") or count >= 100 else f"{count:.1f} {unit}"
        count /= 1024
    return f"{count:.1f} TiB"


def span(seconds: float) -> str:
    """A time for people, in its two largest units: 3 d 4 h. Pure."""
    units = (("d", 86400), ("h", 3600), ("min", 60), ("s", 1))
    left, said = int(seconds), []
    for name, length in units:
        if left >= length or (name == "s" and not said):
            said.append(f"{left // length} {name}")
            left %= length
    return " ".join(said[:2])
