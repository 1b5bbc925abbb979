"""Webhooks, what they told of, and how it went."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field

from hokku.api.answers.words import AppRef, Email, Id, Moment, Shape, Stamped, Url

Level = Literal["notify", "sync"]


class Webhook(Stamped):
    """A receiver that is told of changes of an app."""

    app: AppRef
    include: Annotated[list[str], Field(description="of what it is told, such as api:release")]
    level: Annotated[Level, Field(description="notify: one attempt each; sync: until it is received")]
    url: Url


class WebhookEventRef(Shape):
    """Which event."""

    id: Id
    include: str


class WebhookRef(Shape):
    """Which webhook."""

    id: Id
    level: Level


class WebhookAttempt(Shape):
    """One request to a receiver."""

    id: Id
    code: Annotated[int | None, Field(description="the status it answered")]
    created_at: Moment
    error_class: Annotated[str | None, Field(description="why there was no answer, in a word")]
    status: Literal["scheduled", "succeeded", "failed"]
    updated_at: Moment


class WebhookDelivery(Stamped):
    """An event on its way to a receiver."""

    event: WebhookEventRef
    last_attempt: WebhookAttempt | None
    next_attempt_at: Moment | None
    num_attempts: int
    status: Literal["pending", "scheduled", "retrying", "failed", "succeeded"]
    webhook: WebhookRef


class WebhookActor(Shape):
    """Who did it."""

    email: Email
    id: Id


class WebhookPayload(Shape):
    """What happened."""

    action: Literal["create", "update", "destroy"]
    actor: WebhookActor
    data: Annotated[dict[str, Any], Field(description="the thing, as the API shows it")]
    previous_data: Annotated[dict[str, Any], Field(description="what was different before an update")]
    resource: str
    version: str


class WebhookEvent(Stamped):
    """Something that receivers were told of."""

    include: str
    payload: WebhookPayload
