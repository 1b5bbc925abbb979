"""Refusals."""

from __future__ import annotations

from typing import Annotated, NotRequired

from pydantic import Field

from hokku.api.answers.words import Shape, Url


class Error(Shape):
    """Why a request was refused, and what to do."""

    id: Annotated[str, Field(description="which error, such as `not_found` or `invalid_params`")]
    message: Annotated[str, Field(description="a sentence for the user")]
    url: NotRequired[Annotated[Url, Field(description="where to read more")]]
    resource: NotRequired[Annotated[str, Field(description="what kind of thing is missing, with `not_found`")]]
