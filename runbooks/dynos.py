"""`fab dynos`: an application's dynos."""

from __future__ import annotations

from typing import Any

from runbooks.runbook import needed, runbook


@runbook(help={"app": "the application's name", "where": "tell the host of each too, as the LXD cluster has it"})
def dynos(context, app="", where=False, inventory="", json=False):
    """Show an application's dynos: fab dynos --app NAME."""
    from runbooks import access, screen

    needed(app, "application", "fab dynos --app NAME")
    client = access.api(inventory)
    rows = [
        {
            "dyno": row["name"], "state": row["state"], "size": row["size"], "release": row["release"]["version"],
            "since": row["updated_at"], "command": row["command"], "id": row["id"],
        }
        for row in client.list(access.path("apps", app, "dynos"))
    ]  # fmt: skip
    if where:
        places = _places(inventory)
        rows = [{**row, "host": places.get(row["id"])} for row in rows]
    wanted = {row["type"]: row["quantity"] for row in client.list(access.path("apps", app, "formation"))}
    if json:
        screen.document({"app": app, "formation": wanted, "dynos": rows})
        return
    columns = ["dyno", "state", *(["host"] if where else []), "size", "release", "since", "command"]
    screen.table(columns, [[f"v{row[c]}" if c == "release" else row[c] for c in columns] for row in rows])
    if not rows:
        screen.say(f"{app} has no dynos.")
    screen.say("wanted: " + (", ".join(f"{kind} {number}" for kind, number in wanted.items()) or "nothing yet"))


def _places(given: str) -> dict[str, Any]:
    """The host of each dyno, by its id, as the first dyno host that answers has it. Raises Refused when none does."""
    from runbooks import inventory, reach
    from runbooks.refusal import Refused

    hosts = inventory.read(inventory.chosen(given)).of("dyno_hosts")
    answers = reach.everywhere(hosts, "places", {}).values()
    for answer in answers:
        if answer.lost is None and "places" in answer.told:
            return answer.told["places"]
    said = "; ".join(answer.lost or str(answer.told.get("error")) for answer in answers)
    raise Refused(f"No dyno host tells where dynos are: {said}. Leave out --where, and run fab doctor.")
