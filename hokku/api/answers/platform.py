"""What the platform offers."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from hokku.api.answers.words import Id, Moment, NamedRef, Shape, Stamped


class Stack(Stamped):
    """A Debian release that apps are built on and run on."""

    default: bool
    name: str
    state: str


class Provider(Shape):
    """Whose machines they are."""

    name: str
    region: str


class Region(Stamped):
    """Where apps run."""

    country: str
    description: str
    locale: str
    name: str
    private_capable: bool
    provider: Provider


class Price(Shape):
    """Nothing costs anything here."""

    cents: int
    unit: str


class DynoSize(Shape):
    """How much a dyno gets."""

    architecture: str
    compute: Annotated[int, Field(description="share of a processor, relative to others")]
    cost: Price | None
    dedicated: bool
    generation: NamedRef
    id: Id
    memory: Annotated[float, Field(description="GB")]
    name: str
    precise_dyno_units: float
    private_space_only: bool


class BuildpackSource(Shape):
    """Where a buildpack is developed."""

    owner: str
    repo: str
    type: str


class BuildpackSupport(Shape):
    """Whom to ask."""

    address: str
    method: str


class Buildpack(Shape):
    """A buildpack of this platform, as a registry tells it."""

    blob_url: str
    category: str
    description: str
    name: str
    namespace: str
    source: BuildpackSource
    support: BuildpackSupport


class BuildpackRevision(Shape):
    """A version of a buildpack."""

    created_at: Moment
    license: str
    release: int
    status: str


class BuildpackReadme(Shape):
    """What a buildpack says of itself."""

    content: str
    encoding: Literal["base64"]


class Health(Shape):
    """Whether what the API stands on answers; `platform` is always `hokku`."""

    platform: str
    database: bool
    redis: bool
    version: str
