"""Pipelines, what is in them, and promotions along them."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from hokku.api.answers.words import Id, IdRef, NamedRef, Shape, Stamped


class PipelineOwner(Shape):
    """Whose pipeline it is."""

    id: Id
    type: Literal["user", "team"]


class Pipeline(Stamped):
    """Apps in stages of one flow."""

    generation: NamedRef
    name: Annotated[str, Field(json_schema_extra={"pattern": "^[a-z][a-z0-9-]{2,29}$"})]
    owner: PipelineOwner


class PipelineCoupling(Stamped):
    """An app in a stage of a pipeline."""

    app: IdRef
    pipeline: NamedRef
    stage: Literal["test", "review", "development", "staging", "production"]


class PromotionSource(Shape):
    """What is promoted."""

    app: IdRef
    release: IdRef


class PipelinePromotion(Stamped):
    """One app's slug on its way to others."""

    pipeline: IdRef
    source: PromotionSource
    status: Literal["pending", "completed"]


class PipelinePromotionTarget(Shape):
    """An app promoted to."""

    id: Id
    app: IdRef
    error_message: Annotated[str | None, Field(description="why it failed")]
    pipeline_promotion: IdRef
    release: IdRef
    status: Literal["pending", "succeeded", "failed"]


class PipelineTransfer(Shape):
    """A pipeline with its apps given to another account."""

    pipeline: IdRef
    previous_owner: PipelineOwner
    new_owner: PipelineOwner
