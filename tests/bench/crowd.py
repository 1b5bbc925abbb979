"""Other people's apps in a platform's database: 1,000 without slugs, with ten releases each. Runs on a control host.

`python crowd.py seed` makes them, `python crowd.py remove` takes all of them away again, the manifold's routes first.
"""

from __future__ import annotations

import sys
import time
import uuid
from datetime import timedelta

from sqlalchemy import Select, delete, func, insert, select, text, update

from hokku.settings import settings
from hokku.store.engine import WANTED, notify, session
from hokku.store.tables import (
    Account,
    App,
    Config,
    Event,
    Formation,
    Release,
    ReleaseStatus,
    RouteBackend,
    now,
)

APPS, RELEASES = 1000, 10
_EMAIL = "crowd-%@bench.invalid"  # nobody has an address in this domain (RFC 2606)
_ROUTES_GONE = 90.0  # seconds that the manifold has


def seed(apps: int = APPS, releases: int = RELEASES) -> None:
    """Make the apps, each owned by an account that nobody can log in to."""
    owners = [{"id": uuid.uuid4(), "email": f"crowd-{uuid.uuid4().hex}@bench.invalid"} for _ in range(apps)]
    made = [{"id": uuid.uuid4(), "name": f"crowd-{uuid.uuid4().hex[:16]}", "owner_id": owner["id"]} for owner in owners]
    configs = [{"id": uuid.uuid4(), "app_id": app["id"], "ciphertext": b""} for app in made]
    began = now() - timedelta(days=1)
    versions = [
        {
            "app_id": config["app_id"],
            "config_id": config["id"],
            "version": version,
            "description": "Set CROWD config vars",
            "status": ReleaseStatus.SUCCEEDED,
            "created_at": began + timedelta(minutes=version),
        }
        for config in configs
        for version in range(1, releases + 1)
    ]
    with session() as opened:
        opened.execute(insert(Account), [owner | {"password_hash": "none"} for owner in owners])
        opened.execute(insert(App), [app | {"stack": settings().default_stack} for app in made])
        opened.execute(insert(Config), configs)
        opened.execute(insert(Release), versions)
        kinds = ("web", "worker")
        sizes = [{"app_id": app["id"], "type": kind, "size": settings().default_size} for app in made for kind in kinds]
        opened.execute(insert(Formation), sizes)
        opened.execute(
            insert(Event), [{"app_id": app["id"], "action": "crowd.seed"} for app in made for _ in range(10)]
        )
    with session() as opened:
        opened.execute(text("ANALYZE accounts, apps, configs, releases, formations, events"))


def remove() -> None:
    """Take away what `seed` made, whoever called it. Routes are given back by the manifold, if one runs here."""
    with session() as opened:
        opened.execute(update(App).where(App.id.in_(_apps())).values(archived_at=now()))
        notify(opened, WANTED, "everything")
    deadline = time.monotonic() + _ROUTES_GONE
    while _routed():
        if time.monotonic() > deadline:
            raise SystemExit("the manifold did not give the routes of the apps back")
        time.sleep(0.2)
    with session() as opened:
        app_ids = list(opened.scalars(_apps()))
        opened.execute(delete(Event).where(Event.app_id.in_(app_ids)))
        opened.execute(delete(Release).where(Release.app_id.in_(app_ids)))
        opened.execute(delete(App).where(App.id.in_(app_ids)))
        opened.execute(delete(Account).where(Account.email.like(_EMAIL)))


def _apps() -> Select[tuple[uuid.UUID]]:
    return select(App.id).join(Account, Account.id == App.owner_id).where(Account.email.like(_EMAIL))


def _routed() -> int:
    with session() as opened:
        return (
            opened.scalar(select(func.count()).select_from(RouteBackend).where(RouteBackend.app_id.in_(_apps()))) or 0
        )


if __name__ == "__main__":
    {"seed": seed, "remove": remove}[sys.argv[1]]()
