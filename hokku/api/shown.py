"""What the API shows of a row, whatever its table: for webhooks, which tell receivers the same."""

from __future__ import annotations

from sqlalchemy.orm import Session

from hokku.api import apps, builds, collaborators, domains, dynos, formation, releases, sni_endpoints
from hokku.api.shape import Json
from hokku.store import releases as stored
from hokku.store import sni
from hokku.store.sni import SniEndpoint
from hokku.store.tables import Account, App, Base, Build, Collaborator, Domain, Dyno, Formation, Release
from hokku.webhooks.expand import Render


def _collaborator(opened: Session, app: App, row: Collaborator) -> Json:
    return collaborators.shape(app, opened.get_one(Account, row.account_id), row)


def _dyno(opened: Session, app: App, row: Dyno) -> Json:
    return dynos.shapes(opened, app, [row])[0]


def _formation(opened: Session, app: App, row: Formation) -> Json:
    slug = stored.slug_of(opened, stored.newest(opened, app.id))
    return formation.shape(app, row, dict(slug.process_types).get(row.type, "") if slug else "")


def _release(opened: Session, app: App, row: Release) -> Json:
    return releases.shape(opened, app, row, stored.current(opened, app.id))


def _certificate(opened: Session, app: App, row: SniEndpoint) -> Json:
    return sni_endpoints.shape(app, row, sni.domains_of(opened, app.id))


RENDERERS: dict[str, tuple[type[Base], Render]] = {
    "apps": (App, lambda opened, _, row: apps.shape(opened, row)),
    "builds": (Build, builds.shape),
    "collaborators": (Collaborator, _collaborator),
    "domains": (Domain, domains.shown),
    "dynos": (Dyno, _dyno),
    "formations": (Formation, _formation),
    "releases": (Release, _release),
    "sni_endpoints": (SniEndpoint, _certificate),
}
