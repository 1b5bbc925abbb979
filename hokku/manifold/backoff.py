"""When a crashed dyno is started again.

As on Heroku (https://devcenter.heroku.com/articles/dynos#automatic-dyno-restarts): after the first crash at once, then
after a cool-off that grows with each further one. Heroku's grows to hours; here it ends at twenty minutes.
"""

from __future__ import annotations

FIRST = 10.0  # seconds after the second crash in a row
LONGEST = 1200.0
RAN_WELL = 300.0  # seconds up after which earlier crashes are forgotten


def crashes(before: int, up_for: float | None) -> int:
    """How many crashes in a row there are with this one, when there were `before` and the dyno was up that long."""
    return 1 if up_for is not None and up_for >= RAN_WELL else before + 1


def delay(crashes: int) -> float:
    """Seconds to wait before the next start, after so many crashes in a row."""
    if crashes <= 1:
        return 0.0
    return min(LONGEST, FIRST * 2.0 ** min(crashes - 2, 20))
