"""How much memory dynos use, told in their apps' logs every 20 s: the feature log-runtime-metrics (Heroku's lines).

Only the dynos of apps that turned it on are asked about; the others cost nothing.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor

from hokku.logplex.emit import emit
from hokku.manifold.lxd import LxdError, Member, Usage, members
from hokku.settings import Settings
from hokku.steady import surviving
from hokku.store import dynos, features
from hokku.store.engine import session
from hokku.store.tables import Dyno, DynoState

log = logging.getLogger(__name__)

EVERY = 20.0  # seconds between two measurements (Heroku: "approximately every 20 seconds")
WORKERS = 4
_MB = 1024 * 1024


def follow(settings: Settings) -> None:
    """Measure and tell for ever, from a thread."""
    threading.Thread(target=_run, args=(settings,), name="metrics", daemon=True).start()


def line(dyno: Dyno, usage: Usage, quota: int) -> str:
    """Heroku's line of a dyno's memory; `quota` is MiB. What LXD does not tell (rss, load) is not there."""
    samples = (
        ("memory_total", f"{(usage.memory + usage.swap) / _MB:.2f}MB"),
        ("memory_swap", f"{usage.swap / _MB:.2f}MB"),
        ("memory_quota", f"{quota:.2f}MB"),
    )
    said = " ".join(f"sample#{name}={value}" for name, value in samples)
    return f"source={dyno.type}.{dyno.number} dyno=heroku.{dyno.app_id}.{dyno.id} {said}"


def _run(settings: Settings) -> None:
    drivers = members(settings)
    due = time.monotonic()
    with ThreadPoolExecutor(WORKERS, "metrics") as pool:
        while True:
            due = max(due + EVERY, time.monotonic())
            time.sleep(max(0.0, due - time.monotonic()))
            with surviving("measuring dynos"):
                list(pool.map(lambda dyno: _tell(dyno, drivers, settings), measured()))


def measured() -> list[Dyno]:
    """The dynos that run, of the apps that turned the feature on."""
    with session() as opened:
        apps = features.apps_with(opened, features.METRICS)
        found = dynos.live(opened, apps) if apps else []
    return [dyno for dyno, _ in found if dyno.state is DynoState.UP]


def _tell(dyno: Dyno, drivers: Mapping[str, Member], settings: Settings) -> None:
    member, size = drivers.get(dyno.host), settings.sizes.get(dyno.size)
    if member is None or size is None:
        return
    try:
        usage = member.usage(dyno.instance)
    except LxdError as error:
        log.debug("%s is not measured: %s", dyno.instance, error)
        return
    emit(dyno.app_id, line(dyno, usage, size.memory), process=f"{dyno.type}.{dyno.number}", source="heroku")
