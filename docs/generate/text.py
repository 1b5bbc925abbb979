"""Ansible's documentation markup and YAML values, as Markdown."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable

_LONGEST = 70
"""Characters of a default that a table shows."""
_CODE = re.compile(r"\b[OVCEP]\(([^()]*(?:\([^()]*\)[^()]*)*)\)|\bRV\(([^()]*)\)")
_BOLD = re.compile(r"\b[BI]\(([^()]*)\)")
_MODULE = re.compile(r"\bM\(([^()]*)\)")
_LINK = re.compile(r"\bL\(([^,()]*),\s*([^()]*)\)")


def prose(given: str | Iterable[str] | None) -> str:
    """A description, a string or a list of paragraphs, as one line."""
    parts = [given] if isinstance(given, str) else list(given or [])
    line = " ".join(str(part).strip() for part in parts).replace("\n", " ")
    line = _LINK.sub(r"[\1](\2)", _MODULE.sub(r"`\1`", _BOLD.sub(r"*\1*", line)))
    line = _CODE.sub(lambda found: f"`{found[1] or found[2]}`", line)
    return re.sub(r"\s+", " ", line)


def cell(line: str) -> str:
    """`line` as a cell of a table."""
    return line.replace("|", "\\|")


def value(given: object, where: str = "") -> str:
    """A default as code: strings as they are, everything else as JSON; what is too long is said to stand `where`."""
    if isinstance(given, bool) or given is None or isinstance(given, (int, float, list, dict)):
        text = json.dumps(given, ensure_ascii=False)
    else:
        text = re.sub(r"\s+", " ", str(given).strip()) or '""'
    if len(text) > _LONGEST and where:
        return where
    return f"`{text}`"


def kind(option: dict[str, object]) -> str:
    """An option's type, with that of a list's elements."""
    name = str(option.get("type", "str"))
    return f"{name} of {option['elements']}" if "elements" in option else name
