"""/apps/A/domains: hostnames beside the one every app has."""

from __future__ import annotations

import re
import uuid

from fastapi import APIRouter
from pydantic import BaseModel
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from hokku.api import answers, sni_endpoints
from hokku.api.access import AnyViewer, Opened, OwnedApp, UsableApp
from hokku.api.ranges import Ranged
from hokku.api.shape import Json, app_ref, at, stamps
from hokku.api.trail import leave
from hokku.errors import InvalidParams, NotFound
from hokku.settings import settings
from hokku.store import domains, sni
from hokku.store.engine import WANTED, notify
from hokku.store.sni import SniEndpoint
from hokku.store.tables import App, Domain

router = APIRouter()
MOST = 1000  # of one app (Heroku)
_LABEL = r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
_HOSTNAME = re.compile(rf"(?:{_LABEL}\.)+(?!\d+$){_LABEL}")


class Create(BaseModel):
    hostname: str
    sni_endpoint: str | None = None


class Change(BaseModel):
    sni_endpoint: str | None


def check(hostname: str) -> str:
    """The hostname in lower case and in ASCII (IDNA); raises InvalidParams for what cannot be an app's domain.

    `*.` stands for one label, as it does in certificates.
    """
    name = hostname.strip().lower().rstrip(".")
    wildcard, name = "*." if name.startswith("*.") else "", name.removeprefix("*.")
    try:
        name = name if name.isascii() else name.encode("idna").decode()
    except UnicodeError:
        name = ""
    if len(wildcard + name) > 253 or not _HOSTNAME.fullmatch(name):
        raise InvalidParams(
            f"{hostname[:260]!r} is not a fully qualified domain name. Use one such as www.example.com or "
            "*.example.com."
        )
    if name == settings().apps_domain or name.endswith(f".{settings().apps_domain}"):
        raise InvalidParams(f"{name} belongs to the platform: every app has APP.{settings().apps_domain} already.")
    return wildcard + name


def shape(app: App, row: Domain, endpoint: SniEndpoint | None) -> answers.Domain:
    """A custom domain as Heroku shows it; `cname` is what its DNS entry should point to."""
    reference = {"id": str(endpoint.id), "name": endpoint.name} if endpoint else None
    return stamps(row) | _rest(app, row.hostname, "custom", domains.default_hostname(app)) | {"sni_endpoint": reference}


def shown(opened: Session, app: App, row: Domain) -> answers.Domain:
    return shape(app, row, opened.get(SniEndpoint, row.sni_endpoint_id) if row.sni_endpoint_id else None)


def shape_default(app: App) -> answers.Domain:
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
def index(app: UsableApp, opened: Opened, ranged: Ranged) -> list[answers.Domain]:
    """The app's domains, its own first."""
    endpoints = {row.id: row for row in sni.of_app(opened, app.id)}
    rows = domains.of_app(opened, app.id)
    found = [shape_default(app), *(shape(app, row, endpoints.get(row.sni_endpoint_id)) for row in rows)]
    return ranged(found, "hostname", "id", "created_at", "updated_at")


@router.post("/apps/{app}/domains", status_code=201)
def create(app: OwnedApp, wanted: Create, opened: Opened, viewer: AnyViewer) -> answers.Domain:
    """Route a hostname to the app, and serve it with a certificate of the app's if one is named.

    A wildcard and a hostname that it covers can be of different apps of one owner: the hostname's own app answers.
    """
    hostname = check(wanted.hostname)
    endpoint = sni_endpoints.find(opened, app, wanted.sni_endpoint) if wanted.sni_endpoint is not None else None
    present = domains.by_hostname(opened, hostname)
    taken = InvalidParams(f"{hostname} is currently in use by another app.")
    if present is not None:
        raise InvalidParams(f"Domain already added to this app: {hostname}") if present.app_id == app.id else taken
    if len(domains.of_app(opened, app.id)) >= MOST:
        raise InvalidParams(f"{app.name} has {MOST} domains, which is the most an app can have.")
    if domains.overlaps(opened, app, hostname):
        raise taken
    row = Domain(app_id=app.id, hostname=hostname, sni_endpoint_id=endpoint.id if endpoint else None)
    opened.add(row)
    try:
        opened.flush()
    except IntegrityError:
        raise taken from None
    leave(opened, viewer, "domain.create", app, f"Add {hostname} domain", hostname=hostname)
    notify(opened, WANTED, app.id)
    return shape(app, row, endpoint)


@router.patch("/apps/{app}/domains/{domain}")
def update(app: OwnedApp, domain: str, change: Change, opened: Opened, viewer: AnyViewer) -> answers.Domain:
    """Serve the hostname with another certificate of the app's, or (null) with the platform's own."""
    default = shape_default(app)
    if domain.lower() in (default["id"], default["hostname"]):
        raise InvalidParams(f"{default['hostname']} is served with the platform's own certificate.")
    row = _find(opened, app, domain)
    endpoint = sni_endpoints.find(opened, app, change.sni_endpoint) if change.sni_endpoint is not None else None
    row.sni_endpoint_id = endpoint.id if endpoint else None
    opened.flush()
    name = endpoint.name if endpoint else None
    line = f"Update {row.hostname} domain to use {f'SSL certificate {name}' if name else 'no SSL certificate'}"
    leave(opened, viewer, "domain.update", app, line, hostname=row.hostname, sni_endpoint=name)
    notify(opened, WANTED, app.id)
    return shape(app, row, endpoint)


@router.get("/apps/{app}/domains/{domain}")
def info(app: UsableApp, domain: str, opened: Opened) -> answers.Domain:
    """One domain, by id or hostname."""
    default = shape_default(app)
    if domain.lower() in (default["id"], default["hostname"]):
        return default
    return shown(opened, app, _find(opened, app, domain))


@router.delete("/apps/{app}/domains/{domain}")
def delete(app: OwnedApp, domain: str, opened: Opened, viewer: AnyViewer) -> answers.Domain:
    """Route the hostname to this app no longer."""
    default = shape_default(app)
    if domain.lower() in (default["id"], default["hostname"]):
        raise InvalidParams(f"{default['hostname']} is the app's own domain and cannot be removed.")
    row = _find(opened, app, domain)
    gone = shown(opened, app, row)
    opened.delete(row)
    leave(opened, viewer, "domain.delete", app, f"Remove {row.hostname} domain", hostname=row.hostname)
    notify(opened, WANTED, app.id)
    return gone


def _find(opened: Session, app: App, identity: str) -> Domain:
    row = domains.by_identity(opened, app.id, identity)
    if row is None:
        raise NotFound("Couldn't find that domain name.", "domain")
    return row
