"""Loopback ports of this computer that lead into machines: LXD proxy devices, each served by a forkproxy process."""

from __future__ import annotations

import json
from pathlib import Path

from lab.catalogue import Machine, Port
from lab.command import lxc

_LISTEN = "0A"
"""TCP state LISTEN, as /proc/net/tcp writes it."""


def ensure(machine: Machine) -> None:
    """Have every port of the running machine served; a device whose process has died is taken out and put in again."""
    devices = json.loads(lxc("query", f"/1.0/instances/{machine.name}"))["devices"]
    for port in machine.ports:
        name = _device(port)
        wanted = {"listen": f"tcp:127.0.0.1:{port.listen}", "connect": f"tcp:127.0.0.1:{port.connect}", "bind": "host"}
        if name in devices:
            if devices[name] == {"type": "proxy", **wanted} and is_served(port):
                continue
            lxc("config", "device", "remove", machine.name, name, check=False)
        settings = [f"{key}={value}" for key, value in wanted.items()]
        lxc("config", "device", "add", machine.name, name, "proxy", *settings)


def is_served(port: Port) -> bool:
    """Whether somebody listens on the port of this computer's loopback."""
    wanted = f"0100007F:{port.listen:04X}"
    rows = (line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:])
    return any(row[1] == wanted and row[3] == _LISTEN for row in rows)


def _device(port: Port) -> str:
    return f"port{port.listen}"
