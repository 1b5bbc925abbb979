"""A build's output, in Heroku's form."""

from __future__ import annotations

import math
import uuid
from collections.abc import Callable

from sqlalchemy.orm import Session

from hokku.release import output
from hokku.store import builds


class Output(output.Output):
    """The output of one build."""

    def __init__(self, build_id: uuid.UUID, most: float = math.inf, flooded: Callable[[], None] = lambda: None) -> None:
        def append(opened: Session, text: str) -> None:
            builds.append_output(opened, build_id, text)

        super().__init__(f"build {build_id}", append, most, flooded)

    def step(self, title: str) -> None:
        """A heading as Heroku prints it."""
        self.say(f"-----> {title}\n")

    def detail(self, line: str) -> None:
        """A line below a heading."""
        self.say(f"       {line}\n")
