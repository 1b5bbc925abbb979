"""What runs, as a table."""

from __future__ import annotations

from lab import access, daemon, environment, machines, ports, reach, settings
from lab.catalogue import CATALOGUE, default_machines


def table() -> str:
    """The machines and their state, then whether the API and each router answer."""
    if not settings.HOME.exists():
        return "There is no lab on this computer: make it with `make up`.\n"
    if not daemon.is_ready():
        return "The lab's LXD daemon does not run: heal it with `make up`.\n"
    found = machines.states()
    rows = [("machine", "state", "address", "ssh", "loopback ports")]
    for machine in CATALOGUE:
        if machine.name not in found:
            if machine.default:
                rows.append((machine.name, "missing", machine.address, "-", ""))
            continue
        state = found[machine.name]
        ssh = ("yes" if access.answers(machine) else "no") if state == "Running" else "-"
        served = [f"{p.listen}>{p.connect}{'' if ports.is_served(p) else ' (dead)'}" for p in machine.ports]
        rows.append((machine.name, state, machine.address, ssh, " ".join(served)))
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    lines.append("")
    lines.append(f"API  {environment.API_URL}  {'answers' if reach.api_answers() else 'does not answer'}")
    for name, address in zip(environment.ROUTERS, environment.router_addresses(80), strict=True):
        status = reach.through_router(address, f"lab-status.{settings.APPS_DOMAIN}")
        lines.append(f"{name}  http://APP.{settings.APPS_DOMAIN}:{address.rpartition(':')[2]}/  {_word(status)}")
    return "\n".join(lines) + "\n"


def is_whole() -> bool:
    """Whether the six machines accept SSH, and the API and every router answer."""
    if not settings.HOME.exists() or not daemon.is_ready():
        return False
    found = machines.states()
    if any(found.get(m.name) != "Running" or not access.answers(m) for m in default_machines()):
        return False
    hosts = f"lab-status.{settings.APPS_DOMAIN}"
    routers_answer = all(reach.through_router(address, hosts) for address in environment.router_addresses(80))
    return routers_answer and reach.api_answers()


def _word(status: int | None) -> str:
    return "does not answer" if status is None else "answers"
