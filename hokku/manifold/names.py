"""What the platform's LXD instances are called and carry, so that each is recognised whatever happened to its maker."""

from __future__ import annotations

import uuid
from collections.abc import Mapping

POOL = "hokku"  # the storage pool the role lxd_member makes
_ROOT = {"type": "disk", "path": "/", "pool": POOL}


def dyno(dyno_id: uuid.UUID) -> str:
    """The instance of a dyno."""
    return f"d-{dyno_id.hex[:12]}"


def template(release_id: uuid.UUID, host: str) -> str:
    """The template of a release on a host: names are the cluster's, so the host's is part of it."""
    return f"t-{release_id.hex[:12]}-{host}"


def labels(kind: str, **about: object) -> dict[str, str]:
    """Config keys that say what an instance is."""
    return {"user.hokku.kind": kind, **{f"user.hokku.{key}": str(value) for key, value in about.items()}}


def root(devices: Mapping[str, Mapping[str, str]] | None = None) -> dict[str, dict[str, str]]:
    """Devices with a root disk in the platform's pool."""
    return {"root": dict(_ROOT), **{name: dict(device) for name, device in (devices or {}).items()}}
