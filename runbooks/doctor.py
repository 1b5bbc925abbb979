"""`fab doctor`: every part is looked at, and the one thing to do next is said."""

from __future__ import annotations

from typing import Any

from runbooks.refusal import Refused
from runbooks.runbook import runbook

CHECKS = 20  # seconds that the API may take to look at everything


@runbook()
def doctor(context, inventory="", json=False):
    """Check every part of the platform, and say the one thing to do next. Exit status 1 when something has failed."""
    from runbooks import screen
    from runbooks.finding import State, exit_status, next_step, ordered

    found = examined(inventory)
    step = next_step(found)
    if json:
        screen.document(
            {
                "ok": exit_status(found) == 0,
                "next": step and shown(step),
                "findings": [shown(f) for f in ordered(found)],
            }
        )
        return exit_status(found)
    screen.table(
        ("part", "where", "state", "what"), [(f.part, f.host or f.name, f.state, f.message) for f in ordered(found)]
    )
    print()
    if step is None:
        screen.say(f"All is well ({len(found)} findings).", "green")
    else:
        others = sum(each.state is not State.OK for each in found) - 1
        screen.say(
            f"{'Next' if step.state is State.FAILED else 'When there is time'}: {step.remedy or step.message}", "bold"
        )
        if others:
            screen.say(f"Then run fab doctor again: {others} more may come from the same cause.")
    return exit_status(found)


def examined(given: str) -> list[Any]:
    """What machines say of themselves and what the API says, looked at together; each without the other."""
    from concurrent.futures import ThreadPoolExecutor

    from runbooks import inventory, judge, parts, reach

    platform = inventory.read(inventory.chosen(given))
    with ThreadPoolExecutor(1) as pool:
        asked = pool.submit(of_api, given)
        answers = reach.everywhere(platform.hosts, "health", {"units": parts.UNITS})
        near = judge.distinct([found for answer in answers.values() for found in judge.machine(answer)])
        return [*near, *asked.result()]


def of_api(given: str) -> list[Any]:
    """What the API says of all parts, or that it does not."""
    from runbooks import access
    from runbooks.finding import Finding, State

    remedy = "On a control host: systemctl status hokku-api, journalctl -u hokku-api -n 50."
    try:
        client = access.known(given).open(CHECKS)
        try:
            health = client.get("/health")
        finally:
            client.close()
        well = Finding("api", client.url, State.OK, f"{client.url} answers, version {health['version']}.", near=False)
    except access.ApiError as error:
        return [Finding("api", "api", State.FAILED, str(error), remedy, near=False)]
    except Refused as error:
        return [Finding("api", "api", State.FAILED, str(error), str(error), near=False)]
    try:
        checks = client.list("/platform/checks")
    except access.ApiError as error:
        if access.missing(error):
            said = "This platform's API has no checks of its own yet (/platform/checks)."
            return [
                well,
                Finding("api", "checks", State.WARNING, said, "Run playbooks/site.yml, which updates it.", near=False),
            ]
        return [Finding("api", "checks", State.FAILED, str(error), remedy, near=False)]
    return [well, *(told(check) for check in checks)]


def told(check: dict[str, Any]) -> Any:
    """One of the API's checks as a finding. Pure."""
    from runbooks.finding import Finding, State

    return Finding(check["part"], check["name"], State(check["state"]), check["message"], check["remedy"], near=False)


def shown(found: Any) -> dict[str, Any]:
    """A finding as JSON. Pure."""
    return {
        "part": found.part, "name": found.name, "host": found.host, "state": found.state.value,
        "message": found.message, "remedy": found.remedy,
    }  # fmt: skip
