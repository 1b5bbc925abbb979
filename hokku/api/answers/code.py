"""From a source to a release."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from hokku.api.answers.app import BuildpackRef
from hokku.api.answers.words import AppRef, Id, IdRef, Moment, NamedRef, Shape, Stamped, Url, UserRef

Commit = Annotated[str | None, Field(description="the commit it was built from")]


class SourceUrls(Shape):
    """Where to put the tarball, and where it is then. The URLs hold a secret and need no token."""

    get_url: Url
    put_url: Url


class Source(Shape):
    """A place for one source tarball."""

    source_blob: SourceUrls


class Upload(Shape):
    """What was uploaded."""

    size: Annotated[int, Field(description="bytes")]


class SourceBlob(Shape):
    """What is built."""

    checksum: str | None
    url: str
    version: Commit
    version_description: str | None


class Build(Stamped):
    """The way from a source to a slug and its release."""

    app: IdRef
    buildpacks: list[BuildpackRef] | None
    generation: str
    output_stream_url: Annotated[Url, Field(description="streams the output, and needs no token")]
    release: IdRef | None
    slug: IdRef | None
    source_blob: SourceBlob
    stack: str
    status: Literal["pending", "succeeded", "failed"]
    user: UserRef


class BuildRef(Shape):
    """Which build, and how it went."""

    id: Id
    status: Literal["pending", "succeeded", "failed"]
    output_stream_url: Url


class OutputLine(Shape):
    """A line of a build's output."""

    line: str
    stream: Literal["STDOUT", "STDERR"]


class BuildResult(Shape):
    """A build with its output so far."""

    build: BuildRef
    exit_code: int | None
    lines: list[OutputLine]


class BuildTimings(Shape):
    """Where a push's time went."""

    timings: Annotated[dict[str, float | None], Field(description="seconds by phase")]
    error: str | None


class Artifact(Shape):
    """What a release runs."""

    type: str
    id: Id


class Release(Stamped):
    """A slug with the config vars it runs with."""

    addon_plan_names: list[str]
    app: AppRef
    artifacts: list[Artifact]
    current: bool
    description: str
    eligible_for_rollback: bool
    output_stream_url: Url | None
    slug: IdRef | None
    status: Literal["pending", "succeeded", "failed", "expired"]
    user: UserRef
    version: Annotated[int, Field(description="counts up from 1 for each app")]


class Blob(Shape):
    """Where a slug's tarball is."""

    method: str
    url: Url


class Slug(Stamped):
    """What a build made: an app's files and process types, ready to run."""

    blob: Blob
    buildpack_provided_description: str | None
    checksum: str | None
    commit: Commit
    commit_description: str | None
    deleted_at: Moment | None
    process_types: Annotated[dict[str, str], Field(description="process type to command")]
    size: Annotated[int | None, Field(description="bytes")]
    stack: NamedRef
