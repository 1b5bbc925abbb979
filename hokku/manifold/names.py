"""What the platform's LXD instances are called and carry, so that each is recognised whatever happened to its maker."""

from __future__ import annotations

import uuid
from collections.abc import Mapping

from hokku.settings import Settings

POOL = "hokku"  # the storage pool the role lxd_member makes
STOCK = "stock"  # the kind of those that others are cloned from
_ROOT = {"type": "disk", "path": "/", "pool": POOL}

# `raw.lxc` of every instance: dyno-init as PID 1, which is told to end by SIGTERM
INIT = "lxc.init.cmd = /usr/lib/hokku/dyno-init\nlxc.signal.halt = SIGTERM\n"


def dyno(dyno_id: uuid.UUID) -> str:
    """The instance of a dyno."""
    return f"d-{dyno_id.hex[:12]}"


def template(release_id: uuid.UUID, host: str) -> str:
    """The template of a release on a host: names are the cluster's, so the host's is part of it."""
    return f"t-{release_id.hex[:12]}-{host}"


def stock(image: str, host: str) -> str:
    """The container of an image (by its fingerprint) on a host that others are cloned from."""
    return f"s-{image[:12]}-{host}"


def build(build_id: uuid.UUID) -> str:
    """The container of a build."""
    return f"b-{build_id.hex[:12]}"


def labels(kind: str, **about: object) -> dict[str, str]:
    """Config keys that say what an instance is."""
    return {"user.hokku.kind": kind, **{f"user.hokku.{key}": str(value) for key, value in about.items()}}


def init_at(address: str, settings: Settings) -> str:
    """`raw.lxc` of an instance with that address on the dyno network."""
    return (
        f"{INIT}"
        f"lxc.net.0.ipv4.address = {address}/{settings.dyno_prefix}\n"
        f"lxc.net.0.ipv4.gateway = {settings.dyno_gateway}\n"
    )


def card(address: str, settings: Settings) -> dict[str, str]:
    """The network card with that address: no other may be taken, and no other instance of the host reached."""
    return {
        "type": "nic",
        "network": settings.dyno_network,
        "name": "eth0",
        "ipv4.address": address,
        "security.mac_filtering": "true",
        "security.ipv4_filtering": "true",
        "security.port_isolation": "true",
    }


def root(devices: Mapping[str, Mapping[str, str]] | None = None) -> dict[str, dict[str, str]]:
    """Devices with a root disk in the platform's pool."""
    return {"root": dict(_ROOT), **{name: dict(device) for name, device in (devices or {}).items()}}
