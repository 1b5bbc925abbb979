"""What is wanted of the apps, read in a handful of queries whatever their number: the manifold's input."""

from __future__ import annotations

import uuid
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import ColumnElement, and_, func, or_, select
from sqlalchemy.orm import Session

from hokku.store import configs, features, phases, slugs
from hokku.store.domains import default_hostname
from hokku.store.oneoffs import Oneoff
from hokku.store.sni import SniEndpoint
from hokku.store.tables import (
    App,
    Config,
    Domain,
    Dyno,
    DynoState,
    Formation,
    Release,
    ReleaseStatus,
    RouteBackend,
    Slug,
)


@dataclass(frozen=True)
class ReleaseSpec:
    """A release that can run. `process_types` maps a type to its command."""

    id: uuid.UUID
    version: int
    slug_id: uuid.UUID
    sha256: str
    stack: str
    process_types: Mapping[str, str]


@dataclass(frozen=True)
class TypeSpec:
    """How many dynos of a type are wanted; those made before `restarted_at` are replaced."""

    quantity: int
    size: str
    restarted_at: datetime | None = None


@dataclass(frozen=True)
class AppSpec:
    """One app as it is wanted.

    `current` is the newest release that succeeded, `candidate` a newer one that waits for its rollout, `previous` the
    one before the current, `superseded` those that waited when a newer one came: (id, version of the newer one).
    `certificates` are hostnames with the digests of what they are served with.
    """

    id: uuid.UUID
    name: str
    maintenance: bool = False
    archived_at: datetime | None = None
    hostnames: tuple[str, ...] = ()
    certificates: tuple[tuple[str, str], ...] = ()
    formation: Mapping[str, TypeSpec] = field(default_factory=dict)
    current: ReleaseSpec | None = None
    candidate: ReleaseSpec | None = None
    previous: ReleaseSpec | None = None
    superseded: tuple[tuple[uuid.UUID, int], ...] = ()


@dataclass(frozen=True)
class Payload:
    """What a template of a release is made of: the slug's hash, the dyno's environment and the commands by type.

    `image` is the fingerprint of the image it must be made from; None when the first template is yet to decide that.
    """

    release_id: uuid.UUID
    slug_id: uuid.UUID
    sha256: str
    stack: str
    environment: Mapping[str, str]
    commands: Mapping[str, str]
    image: str | None = None


def load(opened: Session, apps_domain: str, app_ids: Collection[uuid.UUID] | None = None) -> dict[uuid.UUID, AppSpec]:
    """The apps with these ids, or all; archived ones only while dynos, wishes or a route of theirs are left."""
    left = or_(
        select(Dyno.id).where(Dyno.app_id == App.id, Dyno.state != DynoState.STOPPED).exists(),
        select(RouteBackend.app_id).where(RouteBackend.app_id == App.id).exists(),
        select(Oneoff.id).where(Oneoff.app_id == App.id, Oneoff.ended_at.is_(None)).exists(),
    )
    query = select(App).where(or_(App.archived_at.is_(None), left))
    if app_ids is not None:
        query = query.where(App.id.in_(app_ids))
    apps = {app.id: app for app in opened.scalars(query)}

    def among(column: ColumnElement[uuid.UUID]) -> ColumnElement[bool]:
        return column.in_(apps) if app_ids is not None else column.is_not(None)

    hostnames: dict[uuid.UUID, list[tuple[str, str | None]]] = defaultdict(list)
    for app_id, hostname, digest in opened.execute(
        select(Domain.app_id, Domain.hostname, SniEndpoint.digest)
        .outerjoin(SniEndpoint, SniEndpoint.id == Domain.sni_endpoint_id)
        .where(among(Domain.app_id))
        .order_by(Domain.hostname)
    ):
        hostnames[app_id].append((hostname, digest))
    releases: dict[uuid.UUID, list[tuple[ReleaseStatus, ReleaseSpec]]] = defaultdict(list)
    for app_id, status, spec in _releases(opened, among(Release.app_id)):
        releases[app_id].append((status, spec))
    # After the releases, for each statement sees what was committed before it: a release without its formation would
    # want no dyno, and serve at once.
    formations: dict[uuid.UUID, dict[str, TypeSpec]] = defaultdict(dict)
    for row in opened.scalars(select(Formation).where(among(Formation.app_id))):
        formations[row.app_id][row.type] = TypeSpec(row.quantity, row.size, row.restarted_at)
    return {
        app.id: _app(app, apps_domain, formations[app.id], hostnames[app.id], releases[app.id]) for app in apps.values()
    }


def _releases(opened: Session, which: ColumnElement[bool]) -> Iterable[tuple[uuid.UUID, ReleaseStatus, ReleaseSpec]]:
    """The releases with a slug that are to be rolled out, and the two newest that succeeded, newest first.

    Those that a release phase holds are not to be yet.
    """
    rank = func.row_number().over(partition_by=(Release.app_id, Release.status), order_by=Release.version.desc())
    ranked = (
        select(Release.id, rank.label("rank"))
        .where(which, Release.slug_id.is_not(None), Release.status != ReleaseStatus.FAILED)
        .subquery()
    )
    query = (
        select(Release, Slug.sha256, Slug.stack, Slug.process_types)
        .join(ranked, ranked.c.id == Release.id)
        .join(Slug, Slug.id == Release.slug_id)
        .where(
            or_(
                and_(Release.status == ReleaseStatus.SUCCEEDED, ranked.c.rank <= 2),
                and_(Release.status == ReleaseStatus.PENDING, ~phases.held()),
            )
        )
        .order_by(Release.version.desc())
    )
    for release, sha256, stack, process_types in opened.execute(query):
        spec = ReleaseSpec(release.id, release.version, release.slug_id, sha256, stack, process_types)
        yield release.app_id, release.status, spec


def _app(
    app: App,
    apps_domain: str,
    formation: Mapping[str, TypeSpec],
    hostnames: Iterable[tuple[str, str | None]],
    releases: list[tuple[ReleaseStatus, ReleaseSpec]],
) -> AppSpec:
    ran = [spec for status, spec in releases if status is ReleaseStatus.SUCCEEDED]
    waiting = [spec for status, spec in releases if status is ReleaseStatus.PENDING]
    newest = max((spec.version for spec in (*ran, *waiting)), default=0)
    candidate = waiting[0] if waiting and waiting[0].version == newest else None
    return AppSpec(
        id=app.id,
        name=app.name,
        maintenance=app.maintenance,
        archived_at=app.archived_at,
        hostnames=(f"{app.name}.{apps_domain}", *(hostname for hostname, _ in hostnames)),
        certificates=tuple((hostname, digest) for hostname, digest in hostnames if digest is not None),
        formation=formation,
        current=ran[0] if ran else None,
        candidate=candidate,
        previous=ran[1] if len(ran) > 1 else None,
        superseded=tuple((spec.id, newest) for spec in waiting if spec is not candidate),
    )


def payload(opened: Session, release_id: uuid.UUID) -> Payload:
    """What to put into a template of the release; raises NoResultFound when it is gone.

    Config vars go over the slug's own defaults and over Heroku's dyno metadata, which the app may have turned off.
    """
    release, slug, config, app = opened.execute(
        select(Release, Slug, Config, App)
        .join(Slug, Slug.id == Release.slug_id)
        .join(Config, Config.id == Release.config_id)
        .join(App, and_(App.id == Release.app_id))
        .where(Release.id == release_id)
    ).one()
    about = (
        _metadata(app, release, slug) if features.enabled(opened, app.id, features.METADATA, release.created_at) else {}
    )
    environment = {**slugs.default_config(slug), **about, **configs.read(config)}
    return Payload(release.id, slug.id, slug.sha256, slug.stack, environment, slug.process_types, release.image)


def _metadata(app: App, release: Release, slug: Slug) -> dict[str, str]:
    """What dynos are told of themselves (https://devcenter.heroku.com/articles/dyno-metadata)."""
    return {
        "HEROKU_APP_ID": str(app.id),
        "HEROKU_APP_NAME": app.name,
        "HEROKU_APP_DEFAULT_DOMAIN_NAME": default_hostname(app),
        "HEROKU_RELEASE_VERSION": f"v{release.version}",
        "HEROKU_RELEASE_CREATED_AT": release.created_at.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "HEROKU_SLUG_COMMIT": slug.commit or "",
        "HEROKU_SLUG_DESCRIPTION": release.description,
        "HEROKU_BUILD_COMMIT": slug.commit or "",
        "HEROKU_BUILD_DESCRIPTION": release.description,
    }
