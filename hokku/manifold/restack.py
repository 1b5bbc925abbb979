"""What an operator asks for: that running apps go over to the newest image of their stack without a deploy."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass

from sqlalchemy.orm import Session

from hokku import release
from hokku.errors import NotFound, Unavailable
from hokku.manifold import images
from hokku.manifold.lxd import Image, LxdError, members
from hokku.settings import Settings, settings
from hokku.store import apps, events, releases
from hokku.store.engine import session
from hokku.store.tables import App, ReleaseStatus


@dataclass(frozen=True)
class Restacked:
    """An app that got a release on the newest image of its stack, which is rolled out as any other."""

    app: str
    stack: str
    version: int


def roll(names: Collection[str] = ()) -> Iterator[Restacked]:
    """Make a release for each app, or for each of these, whose newest one is not pinned to its stack's newest image.

    An app is done when it is given back. Raises NotFound for an app that is not there, and Unavailable when no host
    says what images there are, or a stack has none.
    """
    listed = _images(settings())
    with session() as opened:
        found = apps.ids(opened, names or None)
    for name in names:
        if name not in found:
            raise NotFound(f"Couldn't find the app {name}.", "app")
    for app_id in found.values():
        with session() as opened:
            app = apps.lock(opened, app_id)
            done = _restack(opened, app, listed) if app is not None and app.archived_at is None else None
        if done is not None:
            yield done


def _restack(opened: Session, app: App, listed: list[Image]) -> Restacked | None:
    base = releases.newest(opened, app.id)
    slug = releases.slug_of(opened, base)
    if base is None or slug is None or slug.sha256 is None:
        return None  # nothing of it can run
    if base.image is None and base.status is ReleaseStatus.PENDING:
        return None  # it gets the newest image by itself
    alias = {stack.name: stack.image for stack in settings().stacks}.get(slug.stack)
    try:
        if alias is None or not images.outdated(base.image, alias, listed):
            return None
    except images.NoImage as error:
        raise Unavailable(f"Stack {slug.stack}: {error}.") from None
    made = release.restack(opened, app, base)
    events.record(opened, "app.restack", app_id=app.id, version=made.version, stack=slug.stack)
    return Restacked(app.name, slug.stack, made.version)


def _images(chosen: Settings) -> list[Image]:
    """The cluster's images, of the first member that answers; raises Unavailable."""
    reason = LxdError("the inventory names no dyno host")
    for member in members(chosen).values():
        try:
            return member.images()
        except LxdError as error:
            reason = error
    raise Unavailable(f"No dyno host says which images there are: {reason}.")
