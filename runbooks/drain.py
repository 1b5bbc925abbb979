"""`fab drain` and `fab activate`: a dyno host gives its dynos away, and takes some again."""

from __future__ import annotations

import re
import time
from typing import Any

from runbooks.refusal import Refused
from runbooks.runbook import needed, runbook

_HOST = re.compile(r"[A-Za-z0-9][A-Za-z0-9.-]{0,252}")
_WAIT = 900  # seconds
_HELP = {"host": "the dyno host's name in the inventory", "timeout": "seconds to wait", "wait": "until it is done"}


@runbook(help=_HELP)
def drain(context, host="", timeout=_WAIT, wait=True, inventory="", json=False):
    """Have a dyno host's dynos replaced elsewhere, losing no request, so that it can be stopped: fab drain --host NAME.

    It may be interrupted, and run again: the platform keeps what is wanted of the host. `fab activate` takes it back.
    """
    needed(host, "dyno host", "fab drain --host NAME")
    return _want(host, "drained", timeout if wait else 0, inventory, json)


@runbook(help=_HELP)
def activate(context, host="", timeout=60, wait=True, inventory="", json=False):
    """Let a dyno host take dynos again: fab activate --host NAME."""
    needed(host, "dyno host", "fab activate --host NAME")
    return _want(host, "active", timeout if wait else 0, inventory, json)


def _want(host: str, wanted: str, timeout: int, given: str, json: bool) -> None:
    from runbooks import access, screen

    host_named(host)
    client = access.api(given)
    try:
        before = client.get(access.path("hosts", host))
        found = client.request("PATCH", access.path("hosts", host), {"wanted": wanted})[0]
    except access.ApiError as error:
        raise access.since(error, "what is wanted of hosts (/hosts)") from None
    end, told = time.monotonic() + timeout, ""
    while not done(found, wanted) and time.monotonic() < end:
        if not json and (said := progress(found)) != told:
            told = said
            screen.say(said)
        time.sleep(0.5)
        found = client.get(access.path("hosts", host))
        if found["wanted"] != wanted:
            raise Refused(
                f"Somebody else has meanwhile said that {host} shall be {found['wanted']}: talk to each other."
            )
    if json:
        screen.document({**found, "changed": before["wanted"] != wanted})
    elif done(found, wanted):
        screen.say(ended(found, wanted), "green")
    if timeout and not done(found, wanted):
        raise Refused(
            f"{progress(found)} That is so after {timeout} s. It goes on by itself; run this again to see it end."
        )
    if not timeout and not json and not done(found, wanted):
        screen.say(f"{progress(found)} It goes on by itself; fab hosts shows it.")


def host_named(host: str) -> str:
    """The name, if it can be one of a host. Raises Refused. Pure."""
    if not _HOST.fullmatch(host):
        raise Refused(f"{host!r} is no host's name: fab hosts shows them.")
    return host


def done(found: dict[str, Any], wanted: str) -> bool:
    """Whether the host is as it is wanted. Pure."""
    return found["drained"] if wanted == "drained" else found["wanted"] == "active" and found["state"] == "online"


def progress(found: dict[str, Any]) -> str:
    """What is still to come. Pure."""
    if found["wanted"] == "active":
        return f"{found['name']} is wanted active, and is {found['state']}{_because(found)}."
    left = f"{found['dynos']} dynos and {found['oneoffs']} one-off dynos"
    return f"{found['name']} has {left} left{_because(found)}."


def ended(found: dict[str, Any], wanted: str) -> str:
    """That it is done, and how to take it back. Pure."""
    name = found["name"]
    if wanted == "active":
        return f"{name} takes dynos again. Those that run elsewhere stay there."
    return f"{name} has no dyno left and gets none: it can be stopped. fab activate --host {name} takes it back."


def _because(found: dict[str, Any]) -> str:
    return f" ({found['reason'].strip().rstrip('.')})" if found["reason"] else ""
