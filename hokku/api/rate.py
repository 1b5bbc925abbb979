"""How many requests an account may still make: a bucket that fills all the time (Heroku: 4500 an hour).

The bucket is a process's own. It protects the API from a client that runs wild; it is no accounting.
"""

from __future__ import annotations

import threading
import time
import uuid

from hokku.errors import HokkuError

PER_HOUR = 45_000  # ten times Heroku's: a platform of one's own has fewer strangers


class RateLimited(HokkuError):
    id, status = "rate_limit", 429


class Buckets:
    """A bucket of `size` requests for each account, filled with `size` an hour."""

    def __init__(self, size: int = PER_HOUR) -> None:
        self.size = size
        self._lock = threading.Lock()
        self._left: dict[uuid.UUID, tuple[float, float]] = {}

    def take(self, account_id: uuid.UUID, at: float | None = None) -> int:
        """Take one request at monotonic second `at` (default now) and tell how many are left; raises RateLimited."""
        moment = time.monotonic() if at is None else at
        with self._lock:
            left, since = self._left.get(account_id, (float(self.size), moment))
            left = min(float(self.size), left + (moment - since) * self.size / 3600)
            if left < 1:
                raise RateLimited(
                    "Your account reached the API rate limit. Please wait a few minutes before making new requests."
                )
            self._left[account_id] = (left - 1, moment)
        return int(left - 1)


buckets = Buckets()
