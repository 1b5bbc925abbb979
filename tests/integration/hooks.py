"""Webhooks of the world's app, and what they tell."""

from __future__ import annotations

import uuid

from hokku.api.shown import RENDERERS
from hokku.store.engine import session
from hokku.webhooks.expand import expand


def body(world, app):
    """What a webhook is made with."""
    return {"include": ["api:app"], "level": "notify", "url": f"https://127.0.0.1:1/{uuid.uuid4().hex}"}


def made(world, app):
    """The id of a webhook of the app."""
    return world.ask("POST", f"/apps/{app['name']}/webhooks", json=body(world, app))["id"]


def told(world, app, kind):
    """The id of a delivery or event, as the courier makes it of a change."""
    made(world, app)
    maintenance = world.ask("GET", f"/apps/{app['name']}")["maintenance"]
    world.ask("PATCH", f"/apps/{app['name']}", json={"maintenance": not maintenance})
    with session() as opened:
        expand(opened, RENDERERS)
    return world.ask("GET", f"/apps/{app['name']}/webhook-{kind}")[0]["id"]
