"""Stock: for each image on each host a stopped container that was started once, and is cloned for builds and templates.

LXD unpacks an image into a new container and shifts the owner of every file of it when that starts first: seconds for
an image with ten thousands of files. A clone of a container that has started has both behind it. Whoever needs an image
first makes the stock; nothing of a tenant is ever in it, and without it everything is made from the image itself.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Collection, Iterable, Mapping

from hokku.manifold import names
from hokku.manifold.images import MADE_FROM
from hokku.manifold.lxd import Image, Instance, LxdError, Member, NotFound

log = logging.getLogger(__name__)

READY = "user.hokku.ready"
_WHOLE = "1"
_PATIENCE = 120.0  # seconds for another process that makes it at this moment


def clone(
    member: Member, name: str, image: str, config: Mapping[str, str], devices: Mapping[str, Mapping[str, str]]
) -> None:
    """Make a stopped container of the image with this fingerprint on the member, by way of the host's stock."""
    try:
        source = ready(member, image)
    except LxdError as error:
        log.warning("no stock of image %.12s on %s: %s", image, member.host.name, error)
        member.create(name, image, config, devices)
        return
    member.copy(name, source, {READY: "", **config}, devices)  # a clone is no stock


def ready(member: Member, image: str) -> str:
    """The name of the image's stock on the member, made if need be. Raises LxdError."""
    name = names.stock(image, member.host.name)
    deadline = time.monotonic() + _PATIENCE
    while True:
        found = _look(member, name)
        if found is not None and found.config.get(READY) == _WHOLE:
            return name
        if found is None:
            try:
                _make(member, name, image)
                return name
            except LxdError:
                if _look(member, name) is None:
                    raise
                continue  # another process was first
        if time.monotonic() > deadline:  # whoever made it was killed
            member.delete(name)
        time.sleep(0.5)


def _look(member: Member, name: str) -> Instance | None:
    try:
        return member.instance(name)
    except NotFound:
        return None


def _make(member: Member, name: str, image: str) -> None:
    began = time.monotonic()
    config = names.labels(names.STOCK) | {
        READY: "false",
        "boot.autostart": "false",
        "environment.HOKKU_MODE": "idle",
        "raw.lxc": names.INIT,
    }
    member.create(name, image, config, names.root())
    member.start(name)
    member.kill(name)
    member.set_config(name, {READY: _WHOLE})
    log.info("stock of image %.12s on %s made in %.1f s", image, member.host.name, time.monotonic() - began)


def unneeded(instances: Iterable[Instance], images: Collection[Image]) -> list[str]:
    """The names of stock whose image the cluster does not have any more. Pure."""
    there = {image.fingerprint for image in images}
    return [each.name for each in instances if each.kind == names.STOCK and each.config.get(MADE_FROM) not in there]
