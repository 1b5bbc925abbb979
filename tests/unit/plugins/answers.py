"""What the API answers about an app, as short as a test wants to say it."""

from __future__ import annotations

from typing import Any

Json = dict[str, Any]
APP = "/apps/shop"


def app(name: str = "shop", owner: str = "ann@example.com", stack: str = "debian-12") -> Json:
    return {
        "build_stack": {"id": "b", "name": stack},
        "buildpack_provided_description": "Python",
        "created_at": "2026-01-01T12:00:00Z",
        "git_url": f"https://api.example.com/{name}.git",
        "id": f"id-of-{name}",
        "maintenance": False,
        "name": name,
        "owner": {"id": f"id-of-{owner}", "email": owner},
        "region": {"id": "r", "name": "local"},
        "released_at": None,
        "slug_size": 1000,
        "stack": {"id": "b", "name": "debian-12"},
        "web_url": f"http://{name}.example.com/",
    }


def process(kind: str, quantity: int, size: str = "Basic") -> Json:
    return {"type": kind, "quantity": quantity, "size": size, "command": f"run {kind}", "id": f"id-of-{kind}"}


def dyno(name: str, state: str = "up", size: str = "Basic") -> Json:
    return {
        "command": "run",
        "created_at": "2026-01-01T12:00:00Z",
        "id": f"id-of-{name}-{size}",
        "name": name,
        "release": {"id": "r", "version": 12},
        "size": size,
        "state": state,
        "type": name.partition(".")[0],
        "updated_at": "2026-01-01T12:00:00Z",
    }


def installed(*names: str) -> list[Json]:
    return [{"ordinal": n, "buildpack": {"name": name, "url": name}} for n, name in enumerate(names)]


def host(wanted: str = "active", drained: bool = False, reason: str | None = None) -> Json:
    return {
        "id": "id-of-dyno1",
        "name": "dyno1",
        "address": "10.0.0.31",
        "state": "online",
        "wanted": wanted,
        "dynos": 0 if drained else 2,
        "oneoffs": 0 if drained else 1,
        "memory_committed": 1024,
        "memory_total": None,
        "drained": drained,
        "reason": reason,
        "created_at": "2026-01-01T12:00:00Z",
        "updated_at": "2026-01-01T12:00:00Z",
    }
