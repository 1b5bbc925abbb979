"""`fab status`: does everything run, and does it answer?"""

from __future__ import annotations

import time
from typing import Any

from runbooks.refusal import Refused
from runbooks.runbook import runbook


@runbook()
def status(context, inventory="", json=False):
    """Show what runs and whether it answers. Exit status 1 when something does not."""
    from concurrent.futures import ThreadPoolExecutor

    from runbooks import inventory as inventories
    from runbooks import parts, reach, screen

    platform = inventories.read(inventories.chosen(inventory))
    with ThreadPoolExecutor(1) as pool:
        asked = pool.submit(_api, inventory)
        answers = reach.everywhere(platform.hosts, "health", {"units": parts.UNITS})
        api = asked.result()
    rows = [row(answer) for answer in answers.values()]
    well = api["answers"] and all(each["state"] == "ok" for each in rows)
    if json:
        screen.document({"ok": well, "hosts": rows, "api": api})
        return int(not well)
    screen.table(
        ("host", "groups", "state", "services"),
        [(each["host"], ", ".join(each["groups"]), each["state"], _services(each)) for each in rows],
    )
    print()
    screen.say(f"API  {api['url'] or ''}  {api['said']}", "" if api["answers"] else "bold red")
    if not well:
        screen.say("fab doctor says what to do next.")
    return int(not well)


def row(answer: Any) -> dict[str, Any]:
    """A machine and its services: `state` is ok, failed (a service does not run) or unreachable. Pure."""
    units = {name.removesuffix(".service"): seen["active"] for name, seen in answer.told.get("units", {}).items()}
    state = "unreachable" if answer.lost else "ok" if all(how == "active" for how in units.values()) else "failed"
    groups = sorted(answer.host.groups - {"all", "ungrouped"})
    return {"host": answer.host.name, "groups": groups, "state": state, "services": units, "lost": answer.lost}


def _services(row: dict[str, Any]) -> str:
    if row["lost"]:
        return row["lost"]
    wrong = [f"{name} is {how}" for name, how in row["services"].items() if how != "active"]
    right = [name for name, how in row["services"].items() if how == "active"]
    return "; ".join([*wrong, ", ".join(right)] if right else wrong)


def _api(given: str) -> dict[str, Any]:
    from runbooks import access

    url = None
    try:
        client = access.api(given)
        url, began = client.url, time.monotonic()
        health = client.get("/health")
    except (access.ApiError, Refused) as error:
        return {"url": url, "answers": False, "said": str(error), "version": None}
    spent = (time.monotonic() - began) * 1000
    said = f"answers in {spent:.0f} ms, version {health['version']}"
    if not health["redis"]:
        said += "; Redis does not answer it: logs are not kept"
    return {"url": url, "answers": bool(health["redis"]), "said": said, "version": health["version"]}
