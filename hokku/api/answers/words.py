"""The words that answers are made of: ids, times, references."""

from __future__ import annotations

from typing import Annotated

from pydantic import ConfigDict, Field
from typing_extensions import TypedDict  # pydantic reads this one before Python 3.12


class Shape(TypedDict):
    """Base of every shape: no field but the declared ones."""

    __pydantic_config__ = ConfigDict(extra="forbid")  # type: ignore[misc]


Id = Annotated[str, Field(json_schema_extra={"format": "uuid"}, description="unique identifier")]
Moment = Annotated[str, Field(json_schema_extra={"format": "date-time"}, description="time in UTC with seconds")]
Email = Annotated[str, Field(json_schema_extra={"format": "email"}, description="email address of an account")]
Url = Annotated[str, Field(json_schema_extra={"format": "uri"})]
AppName = Annotated[str, Field(json_schema_extra={"pattern": "^[a-z][a-z0-9-]{1,28}[a-z0-9]$"})]
ProcessType = Annotated[str, Field(json_schema_extra={"pattern": r"^[-\w]{1,128}$"}, description="such as web")]


class Stamped(Shape):
    id: Id
    created_at: Moment
    updated_at: Moment


class Nothing(Shape):
    """An empty object: what was asked for will be done."""


class IdRef(Shape):
    """A reference by id."""

    id: Id


NoneYet = Annotated[list[Nothing], Field(max_length=0, description="always empty: this platform has none yet")]


class NamedRef(Shape):
    """A reference by id and name."""

    id: Id
    name: str


class AppRef(Shape):
    """Which app."""

    id: Id
    name: AppName


class UserRef(Shape):
    """Which account."""

    id: Id
    email: Email
