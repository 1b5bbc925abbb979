"""log-runtime-metrics on the lab: the memory of the dynos, as LXD measures it, in the app's log and in no other's."""

from __future__ import annotations

import re
from collections.abc import Callable

from platform_client import App, wait_for
from sources import web

_LINE = re.compile(
    r"heroku\[web\.1\]: source=web\.1 dyno=heroku\.[0-9a-f-]+\.[0-9a-f-]+ sample#memory_total=(\d+\.\d\d)MB "
    r"sample#memory_swap=\d+\.\d\dMB sample#memory_quota=512\.00MB"
)


def test_an_app_that_turns_metrics_on_finds_its_memory_in_the_log(new_app: Callable[..., App]) -> None:
    app = new_app()
    app.deploy(web())
    app.call("PATCH", "/features/log-runtime-metrics", {"enabled": True}, 200)

    def told() -> re.Match[str] | None:
        return next(filter(None, map(_LINE.search, app.logs(source="heroku"))), None)

    found = wait_for("a line with the dyno's memory", told, 60)
    assert 1 < float(found[1]) < 512
