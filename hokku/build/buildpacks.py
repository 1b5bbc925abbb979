"""The buildpacks of this platform: directories with `bin/detect`, `bin/compile` and `bin/release` in the package."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

DIRECTORY = Path(__file__).parent / "buildpacks"
_ORDER = ("python",)  # in which they detect, when the app names none


class UnknownBuildpack(Exception):
    """One sentence that names the buildpack and those there are."""


def known() -> tuple[str, ...]:
    """Their short names, in the order in which they detect."""
    return _ORDER


def chosen(names: Iterable[object]) -> list[str]:
    """Short names of the buildpacks an app names (`heroku/python`, a string or {"url": …}); raises UnknownBuildpack."""
    found = []
    for each in names:
        name = str(each.get("url") or each.get("name") if isinstance(each, dict) else each)
        short = name.removeprefix("urn:buildpack:").removeprefix("heroku/")
        if short not in _ORDER:
            have = ", ".join(f"heroku/{pack}" for pack in _ORDER)
            raise UnknownBuildpack(f"Buildpack {name} is not there. This platform has: {have}.")
        found.append(short)
    return found
