"""`fab tail`: an application's log, as it comes."""

from __future__ import annotations

import json as documents
import re
import sys
from typing import Any

from runbooks.refusal import Refused
from runbooks.runbook import needed, runbook

_LINE = re.compile(r"(\S+) ([\w-]+)\[([\w.-]*)\]: ?(.*)", re.DOTALL)
_COLOURS = {"app": "\x1b[36m", "heroku": "\x1b[35m"}
SILENCE = 90  # seconds; the logplex says something more often
MOST = 1500  # lines that are kept


@runbook(
    help={
        "app": "the application's name",
        "lines": f"so many of the last lines first, {MOST} at most",
        "dyno": "of this dyno (web.1) or type (web) alone",
        "source": "of this source alone: app or heroku",
        "follow": "whether to wait for lines to come",
    }
)
def tail(context, app="", lines=100, dyno="", source="", follow=True, inventory="", json=False):
    """Show an application's log as it comes: fab tail --app NAME. Ctrl-C ends it."""
    from runbooks import access

    needed(app, "application", "fab tail --app NAME")
    if not 0 <= lines <= MOST:
        raise Refused(f"--lines is {lines}: {MOST} lines of an application are kept, so give 0 to {MOST}.")
    if source not in ("", *_COLOURS):
        raise Refused(f"--source is {source!r}: lines come from {' or '.join(_COLOURS)}.")
    wanted: dict[str, Any] = {"tail": follow, "lines": lines}
    wanted |= {name: value for name, value in (("dyno", dyno), ("source", source)) if value}
    client = access.api(inventory)
    session = client.request("POST", access.path("apps", app, "log-sessions"), wanted)[0]
    colours = sys.stdout.isatty()
    with client.stream(session["logplex_url"], timeout=SILENCE) as stream:
        for raw in stream:
            line = raw.decode(errors="replace").rstrip("\n")
            if line and line != "\x00":
                print(documents.dumps(parsed(line)) if json else shown(line, colours), flush=True)


def parsed(line: str) -> dict[str, str | None]:
    """A line as JSON: time, source, process, message; of one that has another form the message alone. Pure."""
    found = _LINE.fullmatch(line)
    if not found:
        return {"time": None, "source": None, "process": None, "message": line}
    return {"time": found[1], "source": found[2], "process": found[3], "message": found[4]}


def shown(line: str, colours: bool) -> str:
    """A line for people: on a terminal (`colours`) with a head in colour, and nothing that commands it. Pure."""
    from runbooks.screen import plain

    found = _LINE.fullmatch(line) if colours else None
    if not found:
        return plain(line, colours) if colours else line
    head = f"{_COLOURS.get(found[2], '')}{found[1]} {found[2]}[{found[3]}]:\x1b[0m"
    return f"{head} {plain(found[4], colours=True)}"
