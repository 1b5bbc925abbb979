"""What a buildpack's `bin/release` declares, in the little YAML that the buildpack API uses. Pure.

https://devcenter.heroku.com/articles/buildpack-api#bin-release-summary
"""

from __future__ import annotations

from dataclasses import dataclass, field

from hokku.build import procfile
from hokku.build.procfile import BadProcfile
from hokku.errors import InvalidParams
from hokku.release import config_vars

LIMIT = 64 * 1024  # bytes that one bin/release prints


class BadDeclaration(Exception):
    """One sentence that names the buildpack, what it declares, and the remedy."""


@dataclass(frozen=True)
class Declared:
    """Process types for an app without a Procfile, and config vars for an app without a release."""

    default_process_types: dict[str, str] = field(default_factory=dict)
    config_vars: dict[str, str] = field(default_factory=dict)


def parse(text: str) -> Declared:
    """Reads top-level keys with one level of `key: value` below them; other keys and deeper levels are passed over."""
    sections: dict[str, dict[str, str]] = {"default_process_types": {}, "config_vars": {}}
    into: dict[str, str] | None = None
    for line in text.splitlines():
        key, colon, value = line.partition(":")
        if not line.strip() or line.lstrip().startswith("#") or line.startswith("---") or not colon:
            continue
        if not line[0].isspace():
            into = sections.get(key.strip()) if not value.strip() else None
        elif into is not None and value.strip():
            into[_plain(key)] = _plain(value)
    return Declared(**sections)


def checked(found: Declared, pack: str, size: int) -> Declared:
    """`found`, if it is what a Procfile and `config:set` could say; raises BadDeclaration.

    `pack`: the buildpack that said so, as it may be shown. `size`: bytes that it printed.
    """
    try:
        if size > LIMIT:
            raise BadProcfile(f"it prints more than {LIMIT // 1024} KiB.")
        procfile.checked(found.default_process_types)
        config_vars.checked(found.config_vars)
        config_vars.bounded(found.config_vars)
    except BadProcfile as error:
        reason = str(error)
    except InvalidParams as error:
        reason = error.message
    else:
        return found
    raise BadDeclaration(
        f"The buildpack {pack} declares in its bin/release what no app can have: {reason} "
        "Correct it there, or use another buildpack."
    )


def _plain(text: str) -> str:
    text = text.strip()
    if len(text) >= 2 and text[0] == text[-1] and text[0] in "'\"":
        return text[1:-1]
    return text
