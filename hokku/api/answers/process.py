"""What runs, and what it says."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from hokku.api.answers.words import AppRef, Id, NamedRef, ProcessType, Shape, Stamped, Url


class ReleaseRef(Shape):
    """Which release."""

    id: Id
    version: int


class Dyno(Stamped):
    """One process of an app."""

    app: AppRef
    attach_url: Annotated[str | None, Field(description="rendezvous://… of a one-off dyno's terminal")]
    command: str
    name: Annotated[str, Field(description="such as web.1")]
    release: ReleaseRef
    size: str
    state: Annotated[str, Field(description="crashed, down, idle, starting or up")]
    type: ProcessType


class Placement(Shape):
    """Where a dyno runs."""

    id: Annotated[Id, Field(description="the dyno's")]
    dyno: NamedRef
    host: Annotated[str, Field(description="the dyno host's name")]


class Formation(Stamped):
    """How many dynos of a process type are wanted, and of what size."""

    app: AppRef
    command: str
    dyno_size: NamedRef
    quantity: int
    size: str
    type: ProcessType


class LogSession(Stamped):
    """A stream of an app's log lines. The URL is the secret that opens it."""

    logplex_url: Url


class LogDrain(Stamped):
    """Where an app's lines are forwarded to."""

    addon: Annotated[None, Field(description="the add-on that made it: none does yet")]
    app: AppRef
    token: Annotated[str, Field(description="names the drain to its receiver: d.UUID")]
    url: Url
