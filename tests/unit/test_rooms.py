"""What may stand in which of the package's rooms (docs/architecture.md)."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import sqlalchemy

PACKAGE = Path(__file__).parents[2] / "hokku"
# what asks nothing: types, errors, and how rows and sessions are looked at
HARMLESS = {"Select", "event", "inspect"}
STATEMENT = re.compile(r"\s*(SELECT|INSERT INTO|UPDATE|DELETE FROM|LISTEN|NOTIFY)\b[^a-z]*\b")


def statements(path: Path) -> list[str]:
    """Where the module makes SQL."""
    found = []
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and node.module == "sqlalchemy":
            found += [f"{path}: {name.name}" for name in node.names if name.name not in HARMLESS]
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and STATEMENT.match(node.value):
            found.append(f"{path}: {node.value[:60]}")
    return found


def test_the_store_alone_makes_sql() -> None:
    assert all(hasattr(sqlalchemy, name) for name in HARMLESS)
    assert statements(PACKAGE / "store" / "builds.py")
    others = [path for path in PACKAGE.rglob("*.py") if PACKAGE / "store" not in path.parents]
    assert [each for path in sorted(others) for each in statements(path)] == []
