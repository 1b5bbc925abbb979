"""`fab hosts`: the machines, what each is, how full it is, and what is wanted of those that run dynos."""

from __future__ import annotations

from typing import Any

from runbooks.refusal import Refused
from runbooks.runbook import runbook


@runbook()
def hosts(context, inventory="", json=False):
    """Show every machine: what it is, its load, memory and disk, and its dynos."""
    from runbooks import inventory as inventories
    from runbooks import parts, reach, screen

    platform = inventories.read(inventories.chosen(inventory))
    answers = reach.everywhere(platform.hosts, "health", {"units": parts.UNITS})
    seen, why = _of_api(inventory)
    rows = [row(answer, seen.get(name)) for name, answer in answers.items()]
    if json:
        screen.document({"hosts": rows, "api": why})
        return
    columns = (
        "host",
        "address",
        "groups",
        "up",
        "load",
        "cpus",
        "memory",
        "disk",
        "dynos",
        "committed",
        "wanted",
        "state",
    )
    screen.table(columns, [_cells(each) for each in rows])
    for each in rows:
        if each["lost"]:
            screen.say(f"{each['host']}: {each['lost']}.", "bold red")
        elif each["reason"]:
            screen.say(f"{each['host']}: {each['reason']}")
    if why:
        screen.say(why, "yellow")


def _of_api(given: str) -> tuple[dict[str, Any], str | None]:
    """What the API says of dyno hosts, by name; and why it says nothing."""
    from runbooks import access

    try:
        return {each["name"]: each for each in access.api(given).list("/hosts")}, None
    except access.ApiError as error:
        return (
            {},
            f"What is wanted of hosts, and their dynos, are not told: {access.since(error, 'what is wanted of hosts')}",
        )
    except Refused as error:
        return {}, f"What is wanted of hosts, and their dynos, are not told: {error}"


def row(answer: Any, seen: dict[str, Any] | None) -> dict[str, Any]:
    """A machine, from what it says of itself and what the API says. Memory and disk in bytes. Pure."""
    host, told = answer.host, answer.told
    disk = told["disks"][0] if told.get("disks") else None
    return {
        "host": host.name,
        "address": host.address,
        "groups": sorted(host.groups - {"all", "ungrouped"}),
        "lost": answer.lost,
        "up": told.get("uptime"),
        "load": told["load"][0] if told else None,
        "cpus": told.get("cpus"),
        "memory_used": (told["memory"]["total"] - told["memory"]["available"]) * 1024 if told else None,
        "memory": told["memory"]["total"] * 1024 if told else None,
        "disk_used": disk["size"] - disk["free"] if disk else None,
        "disk": disk["size"] if disk else None,
        "dynos": seen["dynos"] + seen["oneoffs"] if seen else None,
        "committed": seen["memory_committed"] << 20 if seen else None,
        "wanted": seen["wanted"] if seen else None,
        "state": seen["state"] if seen else ("unreachable" if answer.lost else "up"),
        "drained": seen["drained"] if seen else None,
        "reason": seen["reason"] if seen else None,
    }


def _cells(row: dict[str, Any]) -> list[Any]:
    from runbooks.screen import size, span

    def of(used: str, total: str) -> str | None:
        return f"{size(row[used])} of {size(row[total])}" if row[total] else None

    return [
        row["host"], row["address"], ", ".join(row["groups"]), span(row["up"]) if row["up"] else None,
        f"{row['load']:.2f}" if row["load"] is not None else None, row["cpus"], of("memory_used", "memory"),
        of("disk_used", "disk"), row["dynos"], size(row["committed"]), row["wanted"], row["state"],
    ]  # fmt: skip
