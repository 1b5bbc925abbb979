"""The lab's storage pool, its bridge with NAT, and the profile that every machine has."""

from __future__ import annotations

import contextlib
import json
import re
import time
from pathlib import Path

from lab import host, settings
from lab.command import lxc, run
from lab.progress import say, step


def ensure_pool() -> None:
    """Have the btrfs pool on its sparse file."""
    if settings.POOL in _names("storage"):
        return
    host.ensure_loop_device()
    with step(f"Making the btrfs pool ({settings.POOL_SIZE}, sparse)"):
        lxc("storage", "create", settings.POOL, "btrfs", f"size={settings.POOL_SIZE}")


def ensure_bridge() -> None:
    """Have the bridge: NAT to the outside, names and addresses by LXD's dnsmasq, the MTU of this computer's way out."""
    mtu = host.default_route_mtu()
    if settings.BRIDGE not in _names("network"):
        with step(f"Making the bridge {settings.BRIDGE} ({settings.BRIDGE_ADDRESS}, MTU {mtu})"):
            lxc(
                *("network", "create", settings.BRIDGE),
                *(f"ipv4.address={settings.BRIDGE_ADDRESS}", "ipv4.nat=true", "ipv6.address=none", f"bridge.mtu={mtu}"),
                *("dns.domain=hokku-lab", "ipv4.dhcp.ranges=10.213.77.200-10.213.77.250", "ipv4.dhcp.expiry=infinite"),
            )
    elif lxc("network", "get", settings.BRIDGE, "bridge.mtu").strip() != str(mtu):
        lxc("network", "set", settings.BRIDGE, f"bridge.mtu={mtu}")
    if not _dnsmasq_runs():
        say(f"The bridge's dnsmasq is dead; {settings.BRIDGE} is set up again")
        lxc("network", "set", settings.BRIDGE, f"raw.dnsmasq=# set up again at {time.time():.0f}")


def remove_leftovers() -> None:
    """Take away the bridge and the packet filter tables that a daemon left when it could not clean up itself."""
    run(["ip", "link", "delete", settings.BRIDGE], check=False)
    tables = json.loads(run(["nft", "-j", "list", "tables"], check=False) or "{}").get("nftables", [])
    chains = json.loads(run(["nft", "-j", "list", "chains"], check=False) or "{}").get("nftables", [])
    known = [entry["chain"] for entry in chains if "chain" in entry]
    own = [chain for chain in known if chain["name"].endswith(f".{settings.BRIDGE}")]
    for chain in own:
        run(["nft", "flush", "chain", chain["family"], chain["table"], chain["name"]], check=False)
        run(["nft", "delete", "chain", chain["family"], chain["table"], chain["name"]], check=False)
    others = [chain for chain in known if chain not in own]
    for table in (entry["table"] for entry in tables if entry.get("table")):
        used = any(chain["table"] == table["name"] and chain["family"] == table["family"] for chain in others)
        if table["name"] == "lxd" and not used:
            run(["nft", "delete", "table", table["family"], table["name"]], check=False)


def _dnsmasq_runs() -> bool:
    """Whether the process that LXD wrote down as the bridge's dnsmasq is alive."""
    record = settings.LXD_DIR / "networks" / settings.BRIDGE / "dnsmasq.pid"
    with contextlib.suppress(OSError):
        number = re.search(r"^pid: (\d+)$", record.read_text(), re.MULTILINE)
        return number is not None and Path(f"/proc/{number[1]}/comm").read_text().strip() == "dnsmasq"
    return False


def _names(kind: str) -> list[str]:
    return [entry["name"] for entry in json.loads(lxc(kind, "list", "--format=json"))]
