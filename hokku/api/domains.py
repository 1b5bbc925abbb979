"""/apps/A/domains: hostnames beside the one every app has."""

from __future__ import annotations

import re
import uuid

from fastapi import APIRouter
from pydantic import BaseModel
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from hokku.api.access import AnyViewer, Opened, UsableApp
from hokku.api.shape import Json, app_ref, at, stamps
from hokku.api.trail import leave
from hokku.errors import InvalidParams, NotFound
from hokku.settings import settings
from hokku.store import domains
from hokku.store.engine import WANTED, notify
from hokku.store.tables import App, Domain

router = APIRouter()
MOST = 1000  # of one app (Heroku)
_LABEL = r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
_HOSTNAME = re.compile(rf"(?:{_LABEL}\.)+(?!\d+$){_LABEL}")


class Create(BaseModel):
    hostname: str
    sni_endpoint: str | None = None


def check(hostname: str) -> str:
    """The hostname in lower case and in ASCII (IDNA); raises InvalidParams for what cannot be an app's domain."""
    name = hostname.strip().lower().rstrip(".")
    try:
        name = name if name.isascii() else name.encode("idna").decode()
    except UnicodeError:
        name = ""
    if name.startswith("*."):
        raise InvalidParams(f"{hostname} is a wildcard, which is not there yet. Add each hostname by its name.")
    if len(name) > 253 or not _HOSTNAME.fullmatch(name):
        raise InvalidParams(
            f"{hostname[:260]!r} is not a fully qualified domain name. Use one such as www.example.com."
        )
    if name == settings().apps_domain or name.endswith(f".{settings().apps_domain}"):
        raise InvalidParams(f"{name} belongs to the platform: every app has APP.{settings().apps_domain} already.")
    return name


def shape(app: App, row: Domain) -> Json:
    """A custom domain as Heroku shows it; `cname` is what its DNS entry should point to."""
    return stamps(row) | _rest(app, row.hostname, "custom", domains.default_hostname(app))


def shape_default(app: App) -> Json:
    """The domain that every app has."""
    stamped = {
        "id": str(uuid.uuid5(app.id, "domain")),
        "created_at": at(app.created_at),
        "updated_at": at(app.updated_at),
    }
    return stamped | _rest(app, domains.default_hostname(app), "heroku", None)


def _rest(app: App, hostname: str, kind: str, cname: str | None) -> Json:
    return {
        "acm_status": None,
        "acm_status_reason": None,
        "app": app_ref(app),
        "cname": cname,
        "hostname": hostname,
        "kind": kind,
        "sni_endpoint": None,
        "status": "none" if kind == "heroku" else "succeeded",
    }


@router.get("/apps/{app}/domains")
def index(app: UsableApp, opened: Opened) -> list[Json]:
    """The app's domains, its own first."""
    return [shape_default(app), *(shape(app, row) for row in domains.of_app(opened, app.id))]


@router.post("/apps/{app}/domains", status_code=201)
def create(app: UsableApp, wanted: Create, opened: Opened, viewer: AnyViewer) -> Json:
    """Route a hostname to the app."""
    hostname = check(wanted.hostname)
    present = domains.by_hostname(opened, hostname)
    taken = InvalidParams(f"{hostname} is currently in use by another app.")
    if present is not None:
        raise InvalidParams(f"Domain already added to this app: {hostname}") if present.app_id == app.id else taken
    if len(domains.of_app(opened, app.id)) >= MOST:
        raise InvalidParams(f"{app.name} has {MOST} domains, which is the most an app can have.")
    row = Domain(app_id=app.id, hostname=hostname)
    opened.add(row)
    try:
        opened.flush()
    except IntegrityError:
        raise taken from None
    leave(opened, viewer, "domain.create", app, f"Add {hostname} domain", hostname=hostname)
    notify(opened, WANTED, app.id)
    return shape(app, row)


@router.get("/apps/{app}/domains/{domain}")
def info(app: UsableApp, domain: str, opened: Opened) -> Json:
    """One domain, by id or hostname."""
    default = shape_default(app)
    if domain.lower() in (default["id"], default["hostname"]):
        return default
    return shape(app, _find(opened, app, domain))


@router.delete("/apps/{app}/domains/{domain}")
def delete(app: UsableApp, domain: str, opened: Opened, viewer: AnyViewer) -> Json:
    """Route the hostname to this app no longer."""
    default = shape_default(app)
    if domain.lower() in (default["id"], default["hostname"]):
        raise InvalidParams(f"{default['hostname']} is the app's own domain and cannot be removed.")
    row = _find(opened, app, domain)
    opened.delete(row)
    leave(opened, viewer, "domain.delete", app, f"Remove {row.hostname} domain", hostname=row.hostname)
    notify(opened, WANTED, app.id)
    return shape(app, row)


def _find(opened: Session, app: App, identity: str) -> Domain:
    row = domains.by_identity(opened, app.id, identity)
    if row is None:
        raise NotFound("Couldn't find that domain name.", "domain")
    return row
