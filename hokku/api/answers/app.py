"""Apps, who uses them, and what is set for them."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from hokku.api.answers.words import AppName, AppRef, Email, Id, Moment, NamedRef, Shape, Stamped, Url, UserRef


class Space(Shape):
    """A private space; there are none yet."""

    id: Id
    name: str
    shield: bool


class App(Stamped):
    """An application."""

    acm: Annotated[bool, Field(description="whether certificates are managed automatically")]
    archived_at: Moment | None
    build_stack: Annotated[NamedRef, Field(description="the stack of the next build")]
    buildpack_provided_description: Annotated[str | None, Field(description="the language of the released slug")]
    generation: NamedRef
    git_url: Annotated[str, Field(description="where to push")]
    internal_routing: bool | None
    maintenance: bool
    name: AppName
    organization: NamedRef | None
    owner: UserRef
    region: NamedRef
    released_at: Moment | None
    repo_size: Annotated[int | None, Field(description="bytes")]
    slug_size: Annotated[int | None, Field(description="bytes")]
    space: Space | None
    stack: Annotated[NamedRef, Field(description="the stack that runs")]
    team: NamedRef | None
    web_url: Url | None


class CollaboratorUser(Shape):
    """Which account."""

    id: Id
    email: Email
    federated: bool


class Permission(Shape):
    """One thing a collaborator may do."""

    name: str
    description: str


class Collaborator(Stamped):
    """An account that may use the app."""

    app: AppRef
    permissions: list[Permission]
    role: Literal["owner", "collaborator"]
    user: CollaboratorUser


ConfigVars = Annotated[dict[str, str], Field(description="config vars: names and values")]


class BuildpackRef(Shape):
    """Which buildpack."""

    name: str
    url: str


class BuildpackInstallation(Shape):
    """A buildpack that the next build of an app uses."""

    ordinal: Annotated[int, Field(description="the order in which they run, from 0")]
    buildpack: BuildpackRef


class Domain(Stamped):
    """A hostname that is routed to an app."""

    acm_status: str | None
    acm_status_reason: str | None
    app: AppRef
    cname: Annotated[str | None, Field(description="what its DNS entry should point to")]
    hostname: str
    kind: Literal["heroku", "custom"]
    sni_endpoint: NamedRef | None
    status: Annotated[str, Field(description="none, pending, succeeded or failed")]


class Feature(Stamped):
    """What an app has on or off."""

    description: str
    display_name: str
    doc_url: str
    enabled: bool
    feedback_email: str
    name: str
    state: Annotated[str, Field(description="general, or public for one that is tried out (labs)")]


class AppTransfer(Stamped):
    """An app offered to another account."""

    app: AppRef
    owner: UserRef
    recipient: UserRef
    state: Literal["pending", "accepted", "declined"]
