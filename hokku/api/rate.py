"""Buckets that fill all the time: requests an account may make (Heroku: 4500 an hour), passwords an address may try.

The buckets are a process's own. They protect the API from a client that runs wild; they are no accounting.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Hashable

from hokku.errors import HokkuError

PER_HOUR = 45_000  # ten times Heroku's: a platform of one's own has fewer strangers
GUESSES_PER_HOUR = 120  # of passwords, from one address
_KEYS = 100_000  # remembered at most
_TOO_MANY = "Your account reached the API rate limit. Please wait a few minutes before making new requests."
_TOO_MANY_GUESSES = "Too many wrong passwords came from your address. Wait a few minutes, or use a token."


class RateLimited(HokkuError):
    id, status = "rate_limit", 429
    url = "https://devcenter.heroku.com/articles/platform-api-reference#rate-limits"


class Buckets:
    """A bucket of `size` for each key, filled with `size` an hour; `refusal` is told to whom it is empty."""

    def __init__(self, size: int = PER_HOUR, refusal: str = _TOO_MANY) -> None:
        self.size, self.refusal = size, refusal
        self._lock = threading.Lock()
        self._left: dict[Hashable, tuple[float, float]] = {}

    def take(self, key: Hashable, at: float | None = None) -> int:
        """Take one at monotonic second `at` (default now) and tell how many are left; raises RateLimited."""
        moment = time.monotonic() if at is None else at
        with self._lock:
            left, since = self._left.get(key, (float(self.size), moment))
            left = min(float(self.size), left + (moment - since) * self.size / 3600)
            if left < 1:
                raise RateLimited(self.refusal)
            if len(self._left) >= _KEYS:
                self._left.clear()  # keys are addresses too; who was limited is limited again soon
            self._left[key] = (left - 1, moment)
        return int(left - 1)

    def give_back(self, key: Hashable) -> None:
        """Put back what was taken: it was no guess."""
        with self._lock:
            if key in self._left:
                left, since = self._left[key]
                self._left[key] = (left + 1, since)


buckets = Buckets()
guesses = Buckets(GUESSES_PER_HOUR, _TOO_MANY_GUESSES)
