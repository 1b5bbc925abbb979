"""Which numbers of a sender were taken already: RELP may send lines again after a break. Pure."""

from __future__ import annotations

import json
from bisect import bisect_right
from dataclasses import dataclass, field

_MOST_RANGES = 64


@dataclass
class Taken:
    """Disjoint, sorted, inclusive ranges of sequence numbers of one run of one sender."""

    ranges: list[list[int]] = field(default_factory=list)

    def take(self, seq: int) -> bool:
        """True when `seq` is new, which it then no longer is.

        Holes are numbers that did not arrive (yet). Past 64 of them the oldest is forgotten: what is older than all we
        remember counts as new, since a line twice is better than a line lost.
        """
        at = bisect_right(self.ranges, seq, key=lambda each: each[0])
        if at and seq <= self.ranges[at - 1][1]:
            return False
        follows = at > 0 and self.ranges[at - 1][1] == seq - 1
        leads = at < len(self.ranges) and self.ranges[at][0] == seq + 1
        if follows and leads:
            self.ranges[at - 1][1] = self.ranges.pop(at)[1]
        elif follows:
            self.ranges[at - 1][1] = seq
        elif leads:
            self.ranges[at][0] = seq
        else:
            self.ranges.insert(at, [seq, seq])
        if len(self.ranges) > _MOST_RANGES:
            self.ranges.pop(0)
        return True

    @property
    def missing(self) -> int:
        """How many numbers between the first and the last did not arrive (yet)."""
        return sum(after[0] - before[1] - 1 for before, after in zip(self.ranges, self.ranges[1:], strict=False))

    def settle(self) -> None:
        """Call what is missing lost: should it come after all, it counts as a repeat."""
        self.ranges = [[self.ranges[0][0], self.ranges[-1][1]]] if self.ranges else []

    def dump(self) -> str:
        """As text, for `load`."""
        return json.dumps(self.ranges, separators=(",", ":"))

    @classmethod
    def load(cls, text: bytes | str) -> Taken:
        """What `dump` gave."""
        return cls(json.loads(text))
