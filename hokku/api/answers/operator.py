"""What operators see of the platform."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from hokku.api.answers.words import Id, Moment, Shape, Stamped


class Host(Stamped):
    """A dyno host: what is wanted of it, and what the manifold sees."""

    name: str
    address: Annotated[
        str, Field(description="by which the platform reaches it; empty when it is no longer in settings")
    ]
    state: Literal["online", "offline", "unreachable", "unknown"]
    wanted: Literal["active", "cordoned", "drained"]
    dynos: Annotated[int, Field(description="living dynos of formations on it")]
    oneoffs: Annotated[int, Field(description="living one-off dynos on it")]
    memory_committed: Annotated[int, Field(description="MiB that its dynos may take")]
    memory_total: Annotated[int | None, Field(description="MiB that the machine has, where it is known")]
    drained: Annotated[bool, Field(description="whether it is wanted drained, and nothing of any app is left on it")]
    reason: Annotated[str | None, Field(description="what a drain waits for, or why the host is not online")]


class Decision(Shape):
    """What the manifold decided of a dyno, and why."""

    id: Id
    created_at: Moment
    dyno: Annotated[str, Field(description="such as web.1")]
    host: str | None
    decision: Annotated[str, Field(description="start, up, crash, retire, terminate, kill, forget, wait, fail …")]
    reason: Annotated[str, Field(description="one sentence")]


class PlatformCheck(Shape):
    """One part of the platform, as it was found when asked."""

    id: Id
    part: Annotated[str, Field(description="database, logplex, manifold, builder, router, host, capacity …")]
    name: Annotated[str, Field(description="which one, where there are several")]
    state: Literal["ok", "warning", "failed"]
    message: Annotated[str, Field(description="one sentence")]
    remedy: Annotated[str | None, Field(description="what to do about it, in one sentence")]
