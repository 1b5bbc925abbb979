"""What receivers may be told of, and what a change of a row is called. Pure.

https://devcenter.heroku.com/articles/app-webhooks lists entities and actions.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

Json = Mapping[str, Any]

LEVELS = ("notify", "sync")
ENTITIES = (
    "api:addon",
    "api:addon-attachment",
    "api:app",
    "api:build",
    "api:collaborator",
    "api:domain",
    "api:dyno",
    "api:formation",
    "api:release",
    "api:sni-endpoint",
    "dyno",
)
# by table: the names an event of it is included under, and its resource
_TABLES = {
    "apps": (("api:app",), "app"),
    "builds": (("api:build",), "build"),
    "collaborators": (("api:collaborator",), "collaborator"),
    "domains": (("api:domain",), "domain"),
    "dynos": (("dyno", "api:dyno"), "dyno"),
    "formations": (("api:formation",), "formation"),
    "releases": (("api:release",), "release"),
    "sni_endpoints": (("api:sni-endpoint",), "sni-endpoint"),
}
TABLES = tuple(_TABLES)
_NOT_A_CHANGE = frozenset(("updated_at", "released_at"))
_HISTORY = frozenset(("builds", "releases"))
_COUNTS = {"builds": frozenset(("status",)), "releases": frozenset(("status",))}  # of others, everything that is shown


@dataclass(frozen=True)
class Happening:
    """An event to be: under which names it is included, and what receivers are told."""

    includes: tuple[str, ...]
    resource: str
    action: str
    data: Json
    previous: Json


def happening(
    table: str, before: Json | None, after: Json | None, rows: tuple[Json | None, Json | None]
) -> Happening | None:
    """What the change comes to, or None when it is none to receivers.

    `before` and `after` are what the API shows of the row, `rows` the row itself.
    """
    names, resource = _TABLES[table]
    action = _action(table, *rows)
    if action is None:
        return None
    data = before if action == "destroy" else after
    previous: Json = {}
    if action == "update":
        if before is None:  # a process type that a deploy brought
            previous = {"quantity": 0}
        else:
            previous = _differences(before, after)
            counted = _COUNTS.get(table, previous.keys() - _NOT_A_CHANGE)
            if not previous.keys() & counted:
                return None
            previous = {name: value for name, value in previous.items() if name not in _NOT_A_CHANGE}
    includes = names if action == "create" else names[:1]
    return Happening(includes, resource, action, data, previous)


def _action(table: str, before: Json | None, after: Json | None) -> str | None:
    if table == "dynos":
        was, is_now = before and before["state"], after and after["state"]
        if after is None or was == "stopped":
            return None  # it was told of when it stopped
        return "create" if before is None else "destroy" if is_now == "stopped" else "update"
    if table in _HISTORY and after is None:
        return None  # it is old and forgotten, which is nobody's doing
    if table == "apps" and before is not None and after is not None and after["archived_at"] is not None:
        return "destroy" if before["archived_at"] is None else None
    if table == "formations" and before is None:
        return "update" if after["quantity"] else None
    return "create" if before is None else "destroy" if after is None else "update"


def _differences(before: Json, after: Json) -> dict[str, Any]:
    """What was different before."""
    return {name: value for name, value in before.items() if after.get(name) != value}
