"""/apps/A/sni-endpoints: certificates of the app's domains; /apps/A/acm, which this platform does not have."""

from __future__ import annotations

import secrets
import uuid
from collections.abc import Iterable

from fastapi import APIRouter
from pydantic import BaseModel, SecretStr
from sqlalchemy.orm import Session

from hokku.api import answers, certificates
from hokku.api.access import AnyViewer, Opened, OwnedApp, UsableApp
from hokku.api.ranges import Ranged
from hokku.api.shape import app_ref, stamps
from hokku.api.trail import leave
from hokku.errors import InvalidParams, NotFound
from hokku.store import sni
from hokku.store.engine import WANTED, notify
from hokku.store.sni import SniEndpoint
from hokku.store.tables import App, Domain

router = APIRouter(prefix="/apps/{app}")
MOST = 1000  # of one app: as many as it may have domains
_NAMES = "allosaurus ankylosaurus archaeopteryx brachiosaurus carnotaurus compsognathus deinonychus dilophosaurus "
_NAMES += "diplodocus gallimimus hadrosaurus iguanodon kentrosaurus megalosaurus nodosaurus ornithomimus oviraptor "
_NAMES += "parasaurolophus pteranodon spinosaurus stegosaurus styracosaurus triceratops tyrannosaurus velociraptor"


class Certificate(BaseModel):
    certificate_chain: str
    private_key: SecretStr


def shape(app: App, row: SniEndpoint, domains: Iterable[Domain]) -> answers.SniEndpoint:
    """A certificate as Heroku shows it: without its key."""
    return stamps(row) | {
        "app": app_ref(app),
        "certificate_chain": row.certificate_chain,
        "display_name": None,
        "domains": [str(domain.id) for domain in domains if domain.sni_endpoint_id == row.id],
        "name": row.name,
        "ssl_cert": row.details | {"id": str(uuid.uuid5(row.id, row.digest)), "acm": False},
    }


@router.get("/sni-endpoints")
def index(app: UsableApp, opened: Opened, ranged: Ranged) -> list[answers.SniEndpoint]:
    """The app's certificates."""
    domains = sni.domains_of(opened, app.id)
    found = [shape(app, row, domains) for row in sni.of_app(opened, app.id)]
    return ranged(found, "id", "name", "created_at", "updated_at")


@router.post("/sni-endpoints", status_code=201)
def create(app: OwnedApp, wanted: Certificate, opened: Opened, viewer: AnyViewer) -> answers.SniEndpoint:
    """A new certificate; domains are served with it when they name it."""
    parsed = certificates.parse(wanted.certificate_chain, wanted.private_key.get_secret_value())
    if len(sni.of_app(opened, app.id)) >= MOST:
        raise InvalidParams(f"{app.name} has {MOST} certificates, which is the most an app can have.")
    row = SniEndpoint(app_id=app.id, name=_free_name(opened))
    sni.keep(row, parsed.chain, parsed.key, parsed.digest, parsed.details)
    opened.add(row)
    opened.flush()
    leave(opened, viewer, "sni-endpoint.create", app, f"Add SSL certificate {row.name}", name=row.name)
    return shape(app, row, [])


@router.get("/sni-endpoints/{endpoint}")
def info(app: UsableApp, endpoint: str, opened: Opened) -> answers.SniEndpoint:
    """One certificate, by id or name of its endpoint."""
    return shape(app, find(opened, app, endpoint), sni.domains_of(opened, app.id))


@router.patch("/sni-endpoints/{endpoint}")
def update(app: OwnedApp, endpoint: str, wanted: Certificate, opened: Opened, viewer: AnyViewer) -> answers.SniEndpoint:
    """Another certificate for the domains of this endpoint."""
    row = find(opened, app, endpoint)
    parsed = certificates.parse(wanted.certificate_chain, wanted.private_key.get_secret_value())
    sni.keep(row, parsed.chain, parsed.key, parsed.digest, parsed.details)
    opened.flush()
    leave(opened, viewer, "sni-endpoint.update", app, f"Update SSL certificate {row.name}", name=row.name)
    notify(opened, WANTED, app.id)
    return shape(app, row, sni.domains_of(opened, app.id))


@router.delete("/sni-endpoints/{endpoint}")
def delete(app: OwnedApp, endpoint: str, opened: Opened, viewer: AnyViewer) -> answers.SniEndpoint:
    """The certificate is no more; its domains are served with the platform's own again."""
    row = find(opened, app, endpoint)
    gone = shape(app, row, sni.domains_of(opened, app.id))
    sni.detach(opened, row)
    opened.delete(row)
    leave(opened, viewer, "sni-endpoint.delete", app, f"Remove SSL certificate {row.name}", name=row.name)
    notify(opened, WANTED, app.id)
    return gone


def find(opened: Session, app: App, identity: str) -> SniEndpoint:
    """The app's endpoint with this id or name; raises NotFound."""
    row = sni.by_identity(opened, app.id, identity)
    if row is None:
        raise NotFound("Couldn't find that SNI endpoint.", "sni_endpoint")
    return row


@router.post("/acm")
@router.patch("/acm")
@router.delete("/acm")
def acm(app: OwnedApp) -> answers.App:
    """Certificates are not managed automatically here."""
    raise InvalidParams(
        f"This platform does not manage certificates automatically. Add one for {app.name} with "
        "`heroku certs:add CERTIFICATE KEY`."
    )


def _free_name(opened: Session) -> str:
    while sni.name_is_taken(opened, name := f"{secrets.choice(_NAMES.split())}-{10_000 + secrets.randbelow(90_000)}"):
        pass
    return name
