"""The tables: what is wanted, and what has happened. Times are UTC; ids are UUIDs made by the platform.

Who writes: the API (and the builder through `hokku.release`) writes what is wanted; `dynos`, `rollouts` and
`route_backends` are written by the manifold alone and are its report, never believed against the LXD cluster.
"""

from __future__ import annotations

import enum
import uuid
from datetime import UTC, datetime

from sqlalchemy import Enum, ForeignKey, Identity, Index, UniqueConstraint, func, text
from sqlalchemy.dialects.postgresql import JSONB, TIMESTAMP
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column


def now() -> datetime:
    """This moment, in UTC."""
    return datetime.now(UTC)


class Base(DeclarativeBase):
    """Base of every table."""

    type_annotation_map = {  # noqa: RUF012
        datetime: TIMESTAMP(timezone=True),
        dict: JSONB,
        list: JSONB,
        enum.Enum: Enum(enum.Enum, native_enum=False, length=32, values_callable=lambda e: [m.value for m in e]),
    }


class _Row:
    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=uuid.uuid4)
    created_at: Mapped[datetime] = mapped_column(default=now)
    updated_at: Mapped[datetime] = mapped_column(default=now, onupdate=now)


class BuildStatus(enum.StrEnum):
    PENDING = "pending"
    SUCCEEDED = "succeeded"
    FAILED = "failed"


class ReleaseStatus(enum.StrEnum):
    """PENDING: being rolled out; SUCCEEDED: serves or served; FAILED: never became the app's current release."""

    PENDING = "pending"
    SUCCEEDED = "succeeded"
    FAILED = "failed"


class DynoState(enum.StrEnum):
    """Heroku's states; STOPPED rows are kept a while so that their slot is not reused and late log lines find them."""

    STARTING = "starting"
    UP = "up"
    IDLE = "idle"
    CRASHED = "crashed"
    DOWN = "down"
    STOPPING = "stopping"
    STOPPED = "stopped"


class Account(_Row, Base):
    __tablename__ = "accounts"
    email: Mapped[str] = mapped_column(unique=True)
    name: Mapped[str | None]
    password_hash: Mapped[str]
    admin: Mapped[bool] = mapped_column(default=False)


class Authorization(_Row, Base):
    """A token. `token_hash` is SHA-256 of it; `app_id` limits it to one app (git sessions)."""

    __tablename__ = "authorizations"
    account_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("accounts.id", ondelete="CASCADE"), index=True)
    token_hash: Mapped[str] = mapped_column(unique=True)
    description: Mapped[str] = mapped_column(default="")
    scope: Mapped[list] = mapped_column(default=lambda: ["global"])
    app_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("apps.id", ondelete="CASCADE"))
    expires_at: Mapped[datetime | None]


class Key(_Row, Base):
    """An SSH public key; `fingerprint` as `ssh-keygen -lf` prints it: SHA256:…"""

    __tablename__ = "keys"
    account_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("accounts.id", ondelete="CASCADE"), index=True)
    fingerprint: Mapped[str] = mapped_column(unique=True)
    public_key: Mapped[str]
    comment: Mapped[str] = mapped_column(default="")


class App(_Row, Base):
    __tablename__ = "apps"
    name: Mapped[str] = mapped_column(unique=True)
    owner_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("accounts.id"), index=True)
    stack: Mapped[str]
    maintenance: Mapped[bool] = mapped_column(default=False)
    buildpacks: Mapped[list] = mapped_column(default=list)
    released_at: Mapped[datetime | None]
    archived_at: Mapped[datetime | None]


class Collaborator(_Row, Base):
    __tablename__ = "collaborators"
    __table_args__ = (UniqueConstraint("app_id", "account_id"),)
    app_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("apps.id", ondelete="CASCADE"))
    account_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("accounts.id", ondelete="CASCADE"), index=True)


class Config(_Row, Base):
    """An immutable set of config vars: JSON, encrypted with the key in `config_key_file` (Fernet)."""

    __tablename__ = "configs"
    app_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("apps.id", ondelete="CASCADE"), index=True)
    ciphertext: Mapped[bytes]


class Source(_Row, Base):
    """An uploaded source tarball, at `sources_dir`/ID.tar.gz once it is there. `size` in bytes."""

    __tablename__ = "sources"
    account_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("accounts.id", ondelete="CASCADE"), index=True)
    secret_hash: Mapped[str]
    size: Mapped[int | None]


class Build(_Row, Base):
    """`timings` are seconds by phase: receive, build, pack, release, place, boot, routed."""

    __tablename__ = "builds"
    app_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("apps.id", ondelete="CASCADE"), index=True)
    account_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("accounts.id", ondelete="SET NULL"))
    source_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("sources.id", ondelete="SET NULL"))
    commit: Mapped[str | None]
    stack: Mapped[str]
    buildpacks: Mapped[list] = mapped_column(default=list)
    status: Mapped[BuildStatus] = mapped_column(default=BuildStatus.PENDING)
    cancelled: Mapped[str | None]  # the sentence that ends it, once somebody wants that
    checksum: Mapped[str | None]  # what the source must have: SHA256:…
    content: Mapped[str | None]  # what stands for the source's content: sources with the same have the same
    version_description: Mapped[str | None]
    to_release: Mapped[bool] = mapped_column(default=True, server_default=text("true"))  # or to a slug alone
    worker: Mapped[str | None]  # which builder process has it: "host:pid:start"
    error: Mapped[str | None]
    slug_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("slugs.id", ondelete="SET NULL"))
    release_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("releases.id", ondelete="SET NULL"))
    timings: Mapped[dict] = mapped_column(default=dict)
    output_done: Mapped[bool] = mapped_column(default=False)


class BuildOutput(Base):
    __tablename__ = "build_output"
    seq: Mapped[int] = mapped_column(Identity(), primary_key=True)
    build_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("builds.id", ondelete="CASCADE"), index=True)
    chunk: Mapped[str]


class SlugContent(Base):
    """A file that the platform put into the slug store: `slugs_dir`/SHA256.tar.zst. Files without a row are left alone.

    Its row is locked while the file is written, referred to or removed; see `hokku.store.garbage`.
    """

    __tablename__ = "slug_contents"
    sha256: Mapped[str] = mapped_column(primary_key=True)
    kept_at: Mapped[datetime] = mapped_column(server_default=func.now())  # the database's clock


class Slug(_Row, Base):
    """A slug: `slugs_dir`/SHA256.tar.zst, whose tree is /app. `size` in bytes (compressed).

    One that the API made has neither until its content was uploaded. Since `deleted_at` it cannot be released any more;
    its content goes soon after that, and then it has no `sha256` either.
    """

    __tablename__ = "slugs"
    __table_args__ = (
        Index("slugs_going", "sha256", postgresql_where=text("deleted_at IS NOT NULL AND sha256 IS NOT NULL")),
    )
    app_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("apps.id", ondelete="CASCADE"), index=True)
    checksum: Mapped[str | None]  # what the uploaded archive must have: SHA256:…
    sha256: Mapped[str | None] = mapped_column(ForeignKey("slug_contents.sha256", ondelete="SET NULL"), index=True)
    size: Mapped[int | None]
    deleted_at: Mapped[datetime | None]
    stack: Mapped[str]
    process_types: Mapped[dict]  # type -> command
    default_config_sealed: Mapped[bytes | None]  # what the buildpacks' release step gave: it may be a secret
    commit: Mapped[str | None]
    commit_description: Mapped[str | None]
    buildpack: Mapped[str | None]  # as Heroku's buildpack_provided_description: "Python"
    made_from: Mapped[bytes | None]  # stands for all that its build went by, where another build would make the same


class Release(_Row, Base):
    """Immutable but for `status` and `image`. `version` counts up from 1 for each app, without holes.

    `image` is the fingerprint of the stack's run image that its dynos are made from: none until the first of them is.
    """

    __tablename__ = "releases"
    __table_args__ = (UniqueConstraint("app_id", "version"),)
    app_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("apps.id", ondelete="CASCADE"))
    version: Mapped[int]
    slug_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("slugs.id"), index=True)
    config_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("configs.id"), index=True)
    account_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("accounts.id", ondelete="SET NULL"))
    description: Mapped[str]
    status: Mapped[ReleaseStatus] = mapped_column(default=ReleaseStatus.PENDING)
    error: Mapped[str | None]
    image: Mapped[str | None]


class Formation(Base):
    """How many dynos of a type are wanted, and of what size."""

    __tablename__ = "formations"
    id: Mapped[uuid.UUID] = mapped_column(default=uuid.uuid4, unique=True)
    app_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("apps.id", ondelete="CASCADE"), primary_key=True)
    type: Mapped[str] = mapped_column(primary_key=True)
    quantity: Mapped[int] = mapped_column(default=0)
    size: Mapped[str]
    restarted_at: Mapped[datetime | None]  # dynos older than this are replaced (ps:restart)
    created_at: Mapped[datetime] = mapped_column(default=now)
    updated_at: Mapped[datetime] = mapped_column(default=now, onupdate=now)


class Dyno(_Row, Base):
    """The manifold's report of one dyno. `instance` is the LXD instance, `slot` its place on `host` (port, address)."""

    __tablename__ = "dynos"
    __table_args__ = (
        Index("dynos_live", "app_id", postgresql_where=text("state <> 'stopped'")),
        Index("dynos_place", "host", "slot"),
    )
    app_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("apps.id", ondelete="CASCADE"))
    release_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("releases.id", ondelete="CASCADE"))
    type: Mapped[str]
    number: Mapped[int]
    size: Mapped[str]
    command: Mapped[str]
    state: Mapped[DynoState] = mapped_column(default=DynoState.STARTING)
    instance: Mapped[str] = mapped_column(unique=True)
    host: Mapped[str]
    slot: Mapped[int]
    address: Mapped[str]
    crashes: Mapped[int] = mapped_column(default=0)
    retry_at: Mapped[datetime | None]
    reason: Mapped[str | None]  # why it is in this state, for `why`
    stop_requested_at: Mapped[datetime | None]  # set by the API (ps:stop, ps:restart web.1)
    stopped_at: Mapped[datetime | None]
    timings: Mapped[dict] = mapped_column(default=dict)  # seconds: place, boot, routed


class Rollout(Base):
    """How far the manifold is with an app's newest release."""

    __tablename__ = "rollouts"
    app_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("apps.id", ondelete="CASCADE"), primary_key=True)
    release_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("releases.id", ondelete="CASCADE"))
    state: Mapped[str]  # rolling, serving, failed
    reason: Mapped[str | None]
    timings: Mapped[dict] = mapped_column(default=dict)
    updated_at: Mapped[datetime] = mapped_column(default=now, onupdate=now)


class RouteBackend(Base):
    """Which backend of the routers' pool an app has, the same on every router."""

    __tablename__ = "route_backends"
    app_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("apps.id", ondelete="CASCADE"), primary_key=True)
    backend: Mapped[str] = mapped_column(unique=True)


class Domain(_Row, Base):
    __tablename__ = "domains"
    __table_args__ = (Index("domains_parent", text("substr(hostname, strpos(hostname, '.') + 1)")),)
    app_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("apps.id", ondelete="CASCADE"), index=True)
    hostname: Mapped[str] = mapped_column(unique=True)
    sni_endpoint_id: Mapped[uuid.UUID | None] = mapped_column(index=True)  # see `hokku.store.sni`


class Event(_Row, Base):
    """Who did what, when, from where. `data` holds no secret."""

    __tablename__ = "events"
    __table_args__ = (Index("events_created_at", "created_at"),)
    app_id: Mapped[uuid.UUID | None] = mapped_column(index=True)
    account_id: Mapped[uuid.UUID | None]
    action: Mapped[str]
    data: Mapped[dict] = mapped_column(default=dict)
    address: Mapped[str | None]
