"""Which pages are generated, and from what."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from docs.generate import api, plugins, roles


def pages(root: Path) -> Iterator[tuple[Path, str]]:
    """Every generated page of the checkout at `root`: its path and what it must be."""
    reference = root / "docs" / "reference"
    found = roles.read_all(root / "roles")
    for role in found:
        path = root / "roles" / role.name / "README.md"
        yield path, roles.readme(role, path.read_text() if path.exists() else "")
    yield reference / "roles.md", roles.page(found)
    yield reference / "modules.md", plugins.page(root / "plugins")
    yield reference / "api.md", api.page()


def stale(root: Path) -> dict[Path, str]:
    """The pages that are missing or differ from what they must be, and what that is."""
    return {path: text for path, text in pages(root) if not path.exists() or path.read_text() != text}
