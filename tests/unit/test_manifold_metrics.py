"""What a dyno's memory reads like in the log."""

from __future__ import annotations

import uuid

from hokku.manifold.lxd import Usage
from hokku.manifold.metrics import line
from hokku.store.tables import Dyno


def test_the_line_is_herokus():
    dyno = Dyno(id=uuid.UUID(int=2), app_id=uuid.UUID(int=1), type="web", number=3)
    assert line(dyno, Usage(memory=21 * 1024 * 1024, swap=512 * 1024), 512) == (
        "source=web.3 dyno=heroku.00000000-0000-0000-0000-000000000001.00000000-0000-0000-0000-000000000002 "
        "sample#memory_total=21.50MB sample#memory_swap=0.50MB sample#memory_quota=512.00MB"
    )
