"""What takes time, done in the hosts' workers; each job's end is told to the control loop, and changes nothing else."""

from __future__ import annotations

import logging
import time
import uuid
from collections.abc import Callable, Collection, Mapping
from concurrent.futures import Future, wait
from typing import Any

from sqlalchemy.exc import NoResultFound

from hokku.manifold import images, lifecycle, names, stock, template
from hokku.manifold.hosts import Cluster, DynoHost
from hokku.manifold.lifecycle import Birth
from hokku.manifold.lxd import Instance, LxdError, Member, NotFound
from hokku.settings import Settings
from hokku.store import releases, wanted
from hokku.store.engine import session

log = logging.getLogger(__name__)

Done = Callable[[Any, LxdError | None], None]  # called with the result or the error
Files = Callable[[], Mapping[str, bytes]]  # contents by path


class ReleaseGone(LxdError):
    """The release is no longer in the database: trying again cannot help."""


class Jobs:
    """`post(callable)` hands something to the control loop's thread."""

    def __init__(self, cluster: Cluster, settings: Settings, post: Callable[[Callable[[], None]], None]) -> None:
        self._cluster = cluster
        self._settings = settings
        self._post = post
        self._templates: dict[tuple[uuid.UUID, str], tuple[float, Future[None]]] = {}
        self._deleting: dict[tuple[str, str], Future[Any]] = {}

    def bear(self, host_name: str, birth: Birth, done: Done, files: Files = dict) -> None:
        """Make and start a dyno on the host, its release's template first if the host has none.

        `files` is called where it may take time, and gives what goes into the container before it starts.
        """
        host = self._cluster.hosts[host_name]

        def go(made: Future[None]) -> None:
            error = made.exception()
            if error is not None:
                self._end(done, None, error)
            else:
                host.start(lambda: self._run(lambda: lifecycle.bear(host.member, birth, self._settings, files()), done))

        self._template(host, birth.release_id, birth.app_id).add_done_callback(go)

    def prepare(self, host_name: str, release_id: uuid.UUID, app_id: uuid.UUID) -> None:
        """Make the release's template on the host, if it has none, for the dynos that may come."""
        self._template(self._cluster.hosts[host_name], release_id, app_id)

    def on(self, host_name: str, work: Callable[[DynoHost], Any], done: Done) -> Future[Any]:
        """Do something else on the host."""
        host = self._cluster.hosts[host_name]
        return host.work(lambda: self._run(lambda: work(host), done))

    def delete(self, host_name: str, instance: str, still: Callable[[], bool] = lambda: True) -> None:
        """Delete an instance that nobody wants, once at a time.

        `still`: whether that holds; asked in a worker of the host when it comes to it, which may be much later.
        """
        key = (host_name, instance)
        if key in self._deleting:
            return

        def work(host: DynoHost) -> None:
            if still():
                host.member.delete(instance)

        def done(_: Any, error: LxdError | None) -> None:
            if self._deleting.get(key) is deletion:
                del self._deleting[key]
            if error is not None:
                log.warning("%s on %s cannot be deleted: %s", instance, host_name, error)
            self._cluster.look_now()

        deletion = self._deleting[key] = self.on(host_name, work, done)

    def making(self) -> set[str]:
        """The names of templates that are being made."""
        return {names.template(*key) for key, (_, future) in self._templates.items() if not future.done()}

    def drop_template(self, release_id: uuid.UUID, host_name: str) -> None:
        """The template is to be looked for again."""
        self._templates.pop((release_id, host_name), None)

    def forget_all_but(self, release_ids: Collection[uuid.UUID]) -> None:
        """Templates of other releases are made no more, and what is known of them is of no use."""
        for key, (_, future) in list(self._templates.items()):
            if key[0] not in release_ids and future.done():
                self._templates.pop(key, None)

    def _template(self, host: DynoHost, release_id: uuid.UUID, app_id: uuid.UUID) -> Future[None]:
        """Done once the release's template is on the host; the same future for all who wait for it."""
        key = (release_id, host.name)
        listing = host.listing
        listed = listing.instances.get(names.template(*key)) if listing else None
        making = key in self._templates and not self._templates[key][1].done()
        # one whose deletion is not over is as good as gone: it is made anew after that
        deletion = None if making else self._deleting.pop((host.name, names.template(*key)), None)
        if deletion is None and key in self._templates:
            made_at, future = self._templates[key]
            whole = not future.done() or future.exception() is None
            vanished = future.done() and listing and listing.asked_at > made_at and listed is None
            if whole and not vanished:
                return future
        elif deletion is None and listed is not None and template.is_ready(listed):
            future = Future()
            future.set_result(None)
            self._templates[key] = time.monotonic(), future
            return future
        future = host.work(lambda: self._make(host, release_id, app_id, deletion))
        self._templates[key] = float("inf"), future
        future.add_done_callback(lambda done: self._made(key, done))
        return future

    def _made(self, key: tuple[uuid.UUID, str], future: Future[None]) -> None:
        self._templates[key] = time.monotonic(), future

    def _make(
        self, host: DynoHost, release_id: uuid.UUID, app_id: uuid.UUID, deletion: Future[Any] | None = None
    ) -> None:
        if deletion is not None:
            wait([deletion])  # the same workers took it up before this
        try:
            with session() as opened:
                payload = wanted.payload(opened, release_id)
        except NoResultFound:
            raise ReleaseGone("the release was removed") from None
        image = self._image(host.member, payload)
        slug = self._settings.slugs_dir / f"{payload.sha256}.tar.zst"
        began = time.monotonic()
        template.make(host.member, payload, app_id, image, slug, host.listing.instances if host.listing else {})
        log.info("template of release %s on %s made in %.2f s", release_id, host.name, time.monotonic() - began)
        self._cluster.look_now()

    def _image(self, member: Member, payload: wanted.Payload) -> str:
        """The fingerprint of the image that the release is pinned to; pins it when it is not yet, or that is gone."""
        offered = {stack.name: stack.image for stack in self._settings.stacks}
        image = images.choose(payload.image, offered.get(payload.stack), member.images())
        if image == payload.image:
            return image
        if payload.image is not None:
            log.warning(
                "image %.12s of release %s is gone: it runs on %.12s, the newest of %s",
                payload.image, payload.release_id, image, payload.stack,
            )  # fmt: skip
        with session() as opened:
            pinned = releases.pin(opened, payload.release_id, payload.image, image)
        if pinned is None:
            raise ReleaseGone("the release was removed")
        return pinned

    def sweep_images(self, host_name: str, instances: Collection[Instance]) -> None:
        """Delete the stacks' images that nothing can need any more, asking this host. `instances` are the cluster's."""

        def work(host: DynoHost) -> None:
            listed = host.member.images()
            with session() as opened:
                used = releases.images(opened)
            for each in images.unneeded(listed, used, instances, time.time()):
                about = each.properties
                host.member.delete_image(each.fingerprint)
                log.info("image %.12s (%s) is deleted: nothing needs it", each.fingerprint, about.get("description"))
                listed.remove(each)
            for name in stock.unneeded(instances, listed):
                host.member.delete(name)

        def done(_: Any, error: LxdError | None) -> None:
            if error is not None:
                log.warning("images that nothing needs are left: %s", error)

        self.on(host_name, work, done)

    def stock_up(self, host_name: str) -> None:
        """Have stock of the default stack's two images on the host, before anybody waits for it."""
        stack = self._settings.stack(self._settings.default_stack)

        def work(host: DynoHost) -> None:
            listed = host.member.images()
            for alias in (stack.image, stack.build_image):
                stock.ready(host.member, images.choose(None, alias, listed))

        def done(_: Any, error: LxdError | None) -> None:
            if error is not None:
                log.warning("stock on %s is not made: %s", host_name, error)

        self.on(host_name, work, done)

    def _run(self, work: Callable[[], Any], done: Done) -> None:
        try:
            result = work()
        except Exception as error:
            self._end(done, None, error)
        else:
            self._end(done, result, None)

    def _end(self, done: Done, result: Any, error: BaseException | None) -> None:
        if error is not None and not isinstance(error, LxdError):
            log.error("a job failed unexpectedly", exc_info=error)
            about = f": {error}" if isinstance(error, OSError) else ""  # users read this, and others' text has values
            error = LxdError(f"{type(error).__name__}{about}")
        told = error
        self._post(lambda: done(result, told))


def final(error: LxdError) -> bool:
    """Whether trying again cannot help."""
    return isinstance(error, (template.SlugMissing, ReleaseGone))


def absent(error: LxdError | None) -> bool:
    """Whether the instance was not there."""
    return isinstance(error, NotFound)
