"""What builds leave, removed: containers of ended builds, sources and caches nobody needs, what deleted apps had."""

from __future__ import annotations

import logging
import shutil
import time
import uuid
from datetime import timedelta
from pathlib import Path

from hokku.build import cache
from hokku.build.container import Builder, hosts
from hokku.build.garbage import Collector
from hokku.manifold.lxd import Instance, LxdError
from hokku.settings import settings
from hokku.steady import attempt
from hokku.store import builds, phases, sources
from hokku.store.engine import session

log = logging.getLogger(__name__)

EVERY = 60.0  # seconds
_SOURCE_AGE = timedelta(days=1)
_FILE_AGE = 24 * 3600.0  # seconds


def sweep(collector: Collector) -> None:
    """Remove what is left of builds and releases; what cannot be removed now is for the next time. Does not raise."""
    attempt("sweeping containers", _containers)
    attempt("sweeping sources", _sources)
    attempt("trimming outputs", _outputs)
    attempt("sweeping unfinished files", _unfinished)
    attempt("sweeping caches", _caches)
    attempt("sweeping what deleted apps had", _of_deleted_apps)
    attempt("collecting garbage", collector.collect)


def _containers() -> None:
    drivers = {each.host.name: each for each in hosts(settings())}
    found = _listed(list(drivers.values()))
    with session() as opened:  # after the looking: a build claimed since then has no container in `found`
        living = {str(build.id) for build in builds.under_way(opened)}
    for instance in found:
        if instance.kind != "build" or instance.config.get("user.hokku.build") in living:
            continue
        if instance.location in drivers:
            log.info("container %s on %s is of no build under way: removed", instance.name, instance.location)
            try:
                drivers[instance.location].delete(instance.name)
            except LxdError as error:
                log.warning("sweeping: %s", error)


def _listed(drivers: list[Builder]) -> list[Instance]:
    """The cluster's instances, from the first member that answers."""
    for driver in drivers:
        try:
            return driver.instances(timeout=20)
        except LxdError as error:
            log.warning("sweeping: %s", error)
    return []


def _sources() -> None:
    with session() as opened:
        spent = builds.spent_sources(opened, _SOURCE_AGE)
        builds.forget_sources(opened, spent)
    for source_id in spent:
        sources.path(source_id).unlink(missing_ok=True)


def _outputs() -> None:
    with session() as opened:
        builds.trim_output(opened)
        phases.trim_output(opened)


def _unfinished() -> None:
    for directory, pattern in (
        (settings().sources_dir, "*.part"), (cache.directory(), ".incoming-*"), (settings().slugs_dir, ".incoming-*"),
    ):  # fmt: skip
        for path in directory.glob(pattern):
            if _age(path) > _FILE_AGE:
                path.unlink(missing_ok=True)


def _caches() -> None:
    """Those of deleted apps, and of stacks that an app has left and serves no release of any more."""
    found = {path: cache.owner(path.name) for path in cache.directory().glob(f"*{cache.SUFFIX}")}
    with session() as opened:  # after the looking: an app made since then has no cache in `found`
        needed = builds.stacks(opened, {owner[0] for owner in found.values() if owner is not None})
    for path, owner in found.items():
        if owner not in needed:
            path.unlink(missing_ok=True)


def _of_deleted_apps() -> None:
    repositories = list(settings().git_dir.glob("*.git"))
    with session() as opened:  # after the looking: an app made since then has none in this list
        living = builds.living_apps(opened)
    for path in settings().git_dir.glob(".new-*"):  # a push was killed while its repository was being made
        if _age(path) > _FILE_AGE:
            shutil.rmtree(path, ignore_errors=True)
    for path in repositories:
        app = _app(path.name.removesuffix(".git"))
        if app is not None and app not in living:
            shutil.rmtree(path, ignore_errors=True)


def _app(text: str) -> uuid.UUID | None:
    try:
        return uuid.UUID(text)
    except ValueError:
        return None


def _age(path: Path) -> float:
    try:
        return time.time() - path.stat().st_mtime
    except FileNotFoundError:
        return 0.0
