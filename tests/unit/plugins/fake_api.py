"""The Platform API as a table of (method, path) → answer: a request that is not in it fails the test."""

from __future__ import annotations

import copy
import io
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from ansible_collections.hokku.platform.plugins.module_utils._api import ApiError, NoAnswer, _Stream


@dataclass(frozen=True)
class Refusal:
    """An answer that is an error."""

    status: int
    message: str
    id: str = ""


NOTHING = Refusal(404, "Couldn't find that.", "not_found")


@dataclass
class FakeApi:
    """Answers what the table says, and keeps what was asked.

    A list of answers is given one after the other, the last of them for ever; a callable is called with the body.
    """

    answers: dict[tuple[str, str], Any] = field(default_factory=dict)
    asked: list[tuple[str, str, Any]] = field(default_factory=list)
    url: str = "https://api.example.com"

    def request(self, method: str, where: str, body: Any = None, headers: Any = None, timeout: Any = None) -> Any:
        self.asked.append((method, where, copy.deepcopy(body)))
        key = (method, where)
        assert key in self.answers, (
            f"nobody expected {method} {where} {json.dumps(body)}; known: {sorted(self.answers)}"
        )
        answer = self.answers[key]
        if isinstance(answer, Turns):
            answer = answer.next()
        if callable(answer):
            answer = answer(body)
        if isinstance(answer, Refusal):
            raised = NoAnswer if answer.status == 0 or answer.status >= 500 else ApiError
            raise raised(answer.message, answer.status, answer.id)
        return copy.deepcopy(answer), {}

    def get(self, where: str, headers: Any = None) -> Any:
        return self.request("GET", where)[0]

    def find(self, where: str) -> Any:
        try:
            return self.get(where)
        except ApiError as error:
            if error.status == 404:
                return None
            raise

    def list(self, where: str, order: str = "", most: int | None = None) -> list:
        return self.get(where)[:most]

    def upload(self, url: str, chunks: Any, size: int, timeout: int = 600) -> Any:
        return self.request("UPLOAD", url, chunks.read())[0]

    @contextmanager
    def stream(self, url: str, headers: Any = None, timeout: int = 90) -> Iterator[_Stream]:
        yield _Stream(io.BytesIO(self.request("STREAM", url, headers)[0]), NoAnswer)

    def close(self) -> None:
        """There is no connection to close."""

    @property
    def changes(self) -> list[tuple[str, str, Any]]:
        """What was asked that changes something."""
        return [each for each in self.asked if each[0] not in ("GET", "STREAM")]


@dataclass
class Turns:
    """Answers one after the other, the last for ever."""

    answers: list[Any]

    def next(self) -> Any:
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
