"""`fab scale`: how many dynos of each type, through the API alone."""

from __future__ import annotations

import re
import time
from dataclasses import dataclass
from typing import Any

from runbooks.refusal import Refused
from runbooks.runbook import needed, runbook

_CHANGE = re.compile(r"([A-Za-z0-9][\w-]{0,127})=([+-]?\d{1,6})?(?::([A-Za-z][\w-]{0,63}))?")
_WORD = re.compile(r"[A-Za-z0-9][\w-]*=\S*")
WAIT = 180  # seconds that the dynos may take with --wait


@dataclass(frozen=True)
class Change:
    """What is wanted of a type: a number, `+1` or `-1` of what there is, or None; and a size, or None."""

    type: str
    quantity: str | None
    size: str | None

    def update(self) -> dict[str, str | int]:
        """As the API takes it."""
        number: str | int | None = self.quantity
        if number is not None and number[0] not in "+-":
            number = int(number)
        return {"type": self.type} | {k: v for k, v in (("quantity", number), ("size", self.size)) if v is not None}


def changes(words: str) -> list[Change]:
    """The changes of `web=5,worker=+1,clock=1:standard-2x`. Pure. Raises Refused that names the word."""
    found: dict[str, Change] = {}
    for word in filter(None, re.split(r"[,\s]+", words)):
        match = _CHANGE.fullmatch(word)
        if not match or (match[2] is None and match[3] is None):
            raise Refused(
                f"{word!r} is no change of a formation: write TYPE=NUMBER, such as web=5, web=+1 or web=2:standard-2x."
            )
        if match[1] in found:
            raise Refused(f"{match[1]} is given twice: say once how many there shall be.")
        found[match[1]] = Change(*match.groups())
    if not found:
        raise Refused("Nothing is to be changed: write TYPE=NUMBER, such as web=5.")
    return list(found.values())


def together(words: list[str]) -> list[str]:
    """Words of a command line, with all `TYPE=…` of a `scale` as one option. Pure.

    Invoke gives a task one word a parameter, and a word that must come would be taken for it even if it were --help.
    """
    if "scale" not in words:
        return words
    begin = words.index("scale") + 1
    mine = [word for word in words[begin:] if _WORD.fullmatch(word)]
    rest = [word for word in words[begin:] if not _WORD.fullmatch(word)]
    return [*words[:begin], *(["--changes", ",".join(mine)] if mine else []), *rest]


def take_words() -> None:
    """Let the running `fab` take `web=5 worker=+1` as they are written: it parses a task's words after it loaded it."""
    from fabric.main import program

    core = getattr(program, "core", None)
    if core is not None:
        core.unparsed[:] = together(core.unparsed)


@runbook(
    help={
        "app": "the application's name",
        "changes": "web=5 worker=+1 clock=1:standard-2x, as words of their own too",
        "wait": f"until exactly those dynos are up ({WAIT} s at most)",
    },
)
def scale(context, app="", changes="", wait=False, inventory="", json=False):
    """Scale an application: fab scale --app NAME web=5 worker=+1."""
    from runbooks import access

    wanted = _changes(changes)
    needed(app, "application", "fab scale --app NAME web=5")
    client, began = access.api(inventory), time.monotonic()
    before = {row["type"]: row for row in client.list(access.path("apps", app, "formation"))}
    after = {row["type"]: row for row in before.values()}
    updates = [each.update() for each in wanted]
    if any(_differs(each, before.get(each.type)) for each in wanted):
        for row in client.request("PATCH", access.path("apps", app, "formation"), {"updates": updates})[0]:
            after[row["type"]] = row
    seconds = round(time.monotonic() - began, 3)
    if wait:
        _wait(client, app, [after[each.type] for each in wanted])
    told = [_told(before.get(each.type), after[each.type]) for each in wanted]
    if json:
        from runbooks import screen

        screen.document(
            {"app": app, "formation": told, "changed": any(each["changed"] for each in told), "seconds": seconds}
        )
        return
    for each in told:
        print(f"{app} {each['type']}: {each['was']} -> {each['quantity']} ({each['size']})" if each["changed"] else
              f"{app} {each['type']}: {each['quantity']} ({each['size']}), as it was")  # fmt: skip


_changes = changes  # the task's parameter has the same name


def _differs(change: Change, row: dict[str, Any] | None) -> bool:
    """Whether the API must be asked: also for a type that is not there, which it refuses in its own words. Pure."""
    if row is None or (change.size is not None and change.size.lower() != row["size"].lower()):
        return True
    return change.quantity is not None and (change.quantity[0] in "+-" or int(change.quantity) != row["quantity"])


def _told(before: dict[str, Any] | None, after: dict[str, Any]) -> dict[str, Any]:
    was = (before["quantity"], before["size"]) if before else (None, None)
    return {
        "type": after["type"], "was": was[0], "quantity": after["quantity"], "size": after["size"],
        "changed": was != (after["quantity"], after["size"]),
    }  # fmt: skip


def _wait(client: Any, app: str, rows: list[dict[str, Any]]) -> None:
    from runbooks import access

    def settled() -> bool:
        return not access.lacking(rows, client.list(access.path("apps", app, "dynos")))

    access.until(WAIT, f"{app} has not the dynos that are wanted; `fab dynos --app {app}` shows them,", settled)
