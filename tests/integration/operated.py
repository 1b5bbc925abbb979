"""What operators meet, for the walks: a decision of the manifold, a host that left the inventory."""

from __future__ import annotations

import uuid

from hokku.store import decisions, hosts
from hokku.store.engine import session
from hokku.store.tables import now


def decided(world, app):
    """A dyno of which the manifold decided something."""
    with session() as opened:
        found = [
            decisions.Decision(uuid.UUID(app["id"]), "web", 1, "dyno1", made, f"Because it is {made}.", now())
            for made in ("start", "up")
        ]
        decisions.keep(opened, found)
    return "web.1"


def gone_host(world, app):
    """A host that is in the settings no longer, and of which something is wanted still."""
    name = f"gone{uuid.uuid4().hex[:12]}"
    with session() as opened:
        hosts.want(opened, name, hosts.Wanted.DRAINED)
    return name
