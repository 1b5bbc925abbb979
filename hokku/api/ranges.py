"""Lists in ranges, as Heroku pages them: `Range: version ..; order=desc,max=10` → 206 and `Next-Range`.

Default page 200, at most 1000 rows (Heroku).
"""

from __future__ import annotations

import re
import uuid
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from fastapi import Request, Response
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
        return (
            f"{self.field} {']' if self.after else ''}{self.start}..{self.end}{'[' if self.before else ''}; {options}"
        )


def parse(header: str, fields: tuple[str, ...]) -> Range:
    """The range in a header; without one, the whole list by the first field. Raises BadRange with what is possible."""
    if not header.strip():
        return Range(fields[0])
    found = _RANGE.fullmatch(header.strip())
    if found is None or found["field"] not in fields:
        raise BadRange(
            f"Range: {header} cannot be served. Use one of {', '.join(fields)}, such as `{Range(fields[0])}`."
        )
    made = Range(found["field"], found["start"], found["end"], bool(found["after"]), bool(found["before"]))
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
        response.headers["Content-Range"] = f"{wanted.field} {first}..{last}"
    return rows


def _text(value: Any) -> str:
    return value.isoformat().replace("+00:00", "Z") if isinstance(value, datetime) else str(value)


def _value(column: InstrumentedAttribute[Any], text: str) -> Any:
    kind = column.type.python_type
    try:
        if kind is datetime:
            return datetime.fromisoformat(text)
        return kind(text) if kind in (int, uuid.UUID) else text
    except ValueError:
        raise BadRange(f"`{text}` is not a value of {column.key}.") from None
