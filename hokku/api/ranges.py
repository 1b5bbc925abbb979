"""Lists in ranges, as Heroku pages them: `Range: version ..; order=desc,max=10` → 206 and `Next-Range`.

Default page 200, at most 1000 rows (Heroku).
"""

from __future__ import annotations

import re
import uuid
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Annotated, Any
from urllib.parse import quote, unquote

from fastapi import Depends, Request, Response
from sqlalchemy import Select
from sqlalchemy.orm import InstrumentedAttribute, Session

from hokku.errors import HokkuError

DEFAULT, MOST = 200, 1000
_RANGE = re.compile(
    r"(?P<field>[a-z_]+)\s+(?P<after>\]?)(?P<start>[^\s;]*?)\.\.(?P<end>[^\s;\[]*)(?P<before>\[?)\s*(?:;(?P<options>.*))?"
)


class BadRange(HokkuError):
    id, status = "requested_range_not_satisfiable", 416


@dataclass(frozen=True)
class Range:
    """A part of a list: by `field` from `start` to `end` (empty: open); `after`/`before` leave out the ends."""

    field: str
    start: str = ""
    end: str = ""
    after: bool = False
    before: bool = False
    descending: bool = False
    most: int = DEFAULT

    def __str__(self) -> str:
        options = f"order=desc,max={self.most}" if self.descending else f"max={self.most}"
        start, end = _quoted(self.start), _quoted(self.end)
        return f"{self.field} {']' if self.after else ''}{start}..{end}{'[' if self.before else ''}; {options}"


def parse(header: str, fields: tuple[str, ...]) -> Range:
    """The range in a header; without one, the whole list by the first field. Raises BadRange with what is possible."""
    if not header.strip():
        return Range(fields[0])
    found = _RANGE.fullmatch(header.strip())
    if found is None or found["field"] not in fields:
        raise BadRange(
            f"Range: {header} cannot be served. Use one of {', '.join(fields)}, such as `{Range(fields[0])}`."
        )
    start, end = unquote(found["start"]), unquote(found["end"])
    made = Range(found["field"], start, end, bool(found["after"]), bool(found["before"]))
    for option in re.split(r"[,;]", found["options"] or ""):
        name, _, value = option.strip().partition("=")
        if name == "order" and value in ("asc", "desc"):
            made = replace(made, descending=value == "desc")
        elif name == "max" and value.isascii() and value.isdigit() and 0 < len(value) < 6 and int(value):
            made = replace(made, most=min(int(value), MOST))
        elif name:
            raise BadRange(
                f"Range option `{option.strip()}` is not known. Use order=asc, order=desc or max=1 to {MOST}."
            )
    return made


def page(
    opened: Session,
    request: Request,
    response: Response,
    query: Select[Any],
    columns: dict[str, InstrumentedAttribute[Any]],
) -> list[Any]:
    """The rows of `query` in the range the request asks for; sets status 206 and Next-Range when there are more.

    `columns` are the fields a client may range by; the first is the default.
    """
    wanted = parse(request.headers.get("range", ""), tuple(columns))
    column = columns[wanted.field]
    low, high = (wanted.end, wanted.start) if wanted.descending else (wanted.start, wanted.end)
    low_open, high_open = (wanted.before, wanted.after) if wanted.descending else (wanted.after, wanted.before)
    if low:
        value = _value(column, low)
        query = query.where(column > value if low_open else column >= value)
    if high:
        value = _value(column, high)
        query = query.where(column < value if high_open else column <= value)
    ordered = query.order_by(column.desc() if wanted.descending else column.asc())
    rows = list(opened.scalars(ordered.limit(wanted.most + 1)))
    response.headers["Accept-Ranges"] = ", ".join(columns)
    if len(rows) > wanted.most:
        rows = rows[: wanted.most]
        last = _text(getattr(rows[-1], column.key))
        response.status_code = 206
        response.headers["Next-Range"] = str(replace(wanted, start=last, after=True))
    if rows:
        first, last = _text(getattr(rows[0], column.key)), _text(getattr(rows[-1], column.key))
        response.headers["Content-Range"] = f"{wanted.field} {_quoted(first)}..{_quoted(last)}"
    return rows


class Part:
    """Cuts lists that are made in memory: `ranged(entries, "id", "name")` is the part that the request asks for."""

    def __init__(self, request: Request, response: Response) -> None:
        self._header, self._response = request.headers.get("range", ""), response

    def __call__(self, entries: list[Any], *fields: str) -> list[Any]:
        """The entries in the range; `fields` are those a client may range by, the first is the default.

        Without a Range a list that fits into a page keeps its order. A range by id of a list without ids is one by the
        default: older CLIs send `id ..` with every request.
        """
        wanted = parse(self._header, fields if "id" in fields else (*fields, "id"))
        if wanted.field not in fields:
            wanted = replace(wanted, field=fields[0], start="", end="")
        rows = entries
        if self._header or len(entries) > wanted.most:
            rows = sorted(entries, key=lambda entry: entry[wanted.field], reverse=wanted.descending)
            rows = [entry for entry in rows if _within(entry[wanted.field], wanted)]
        self._response.headers["Accept-Ranges"] = ", ".join(fields)
        if len(rows) > wanted.most:
            rows = rows[: wanted.most]
            self._response.status_code = 206
            self._response.headers["Next-Range"] = str(replace(wanted, start=str(rows[-1][wanted.field]), after=True))
        if rows:
            first, last = (_quoted(str(row[wanted.field])) for row in (rows[0], rows[-1]))
            self._response.headers["Content-Range"] = f"{wanted.field} {first}..{last}"
        return rows


Ranged = Annotated[Part, Depends()]
ANY = ("id", "name", "created_at", "updated_at")  # of lists that are always empty


def _within(value: Any, wanted: Range) -> bool:
    try:
        start, end = (type(value)(end) if end else None for end in (wanted.start, wanted.end))
    except ValueError:
        raise BadRange(f"Range: {wanted} cannot be served: a {wanted.field} is not such a value.") from None
    low, high = (end, start) if wanted.descending else (start, end)
    low_open, high_open = (wanted.before, wanted.after) if wanted.descending else (wanted.after, wanted.before)
    return (low is None or (value > low if low_open else value >= low)) and (
        high is None or (value < high if high_open else value <= high)
    )


def _quoted(text: str) -> str:
    """A value as it stands in a header: percent-encoded where it would not fit there."""
    return quote(text, safe=":+@").replace("..", "%2E%2E")


def _text(value: Any) -> str:
    return value.isoformat().replace("+00:00", "Z") if isinstance(value, datetime) else str(value)


def _value(column: InstrumentedAttribute[Any], text: str) -> Any:
    kind = column.type.python_type
    if "\0" in text:
        raise BadRange(f"A {column.key} holds no NUL character.")
    try:
        if kind is datetime:
            return datetime.fromisoformat(text)
        return kind(text) if kind in (int, uuid.UUID) else text
    except ValueError:
        raise BadRange(f"`{text}` is not a value of {column.key}.") from None
