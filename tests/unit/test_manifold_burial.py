"""A dyno whose container's files LXD holds is removed all the same."""

from __future__ import annotations

import json

import pytest

from hokku.manifold import lifecycle
from hokku.manifold.lxd import LxdError
from hokku.manifold.model import Ended


class Member:
    """A dyno host: what its container's exit file holds, or the error of asking."""

    def __init__(self, content: bytes | LxdError | None) -> None:
        self.content, self.deleted = content, []

    def read(self, instance: str, path: str) -> bytes | None:
        if isinstance(self.content, LxdError):
            raise self.content
        return self.content

    def delete(self, instance: str) -> None:
        self.deleted.append(instance)


@pytest.mark.parametrize(
    ("content", "ended"),
    [
        (json.dumps({"status": 3}).encode(), Ended(3)),
        (json.dumps({"signal": 9}).encode(), Ended(137)),
        (b"{", Ended(None)),
        (None, Ended(None)),
    ],
)
def test_how_it_ended_is_read_before_it_is_removed(content, ended) -> None:
    member = Member(content)
    assert lifecycle.bury(member, "d-1") == ended
    assert member.deleted == ["d-1"]


def test_what_cannot_be_read_is_tried_again_and_at_last_removed_without() -> None:
    member = Member(LxdError("dyno2 does not answer"))
    with pytest.raises(lifecycle.Unread, match="dyno2 does not answer"):
        lifecycle.bury(member, "d-1")
    assert member.deleted == []
    assert lifecycle.bury(member, "d-1", read=False) == Ended(None)
    assert member.deleted == ["d-1"]
