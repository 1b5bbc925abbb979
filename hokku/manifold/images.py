"""Which image a release or a build is made from, and which ones nothing can need any more. Pure.

A stack's two images are built anew from time to time (role stack_image), and the newest ones have its aliases. What an
app runs on does not change by that: its release is pinned to the image that its first template was made from.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable

from hokku.manifold import names
from hokku.manifold.lxd import Image, Instance, LxdError

JUST_MADE = 3600.0  # seconds during which an image may be on its way to its alias
MADE_FROM = "volatile.base_image"  # LXD's own note in an instance, which copies of it keep


class NoImage(LxdError):
    """The stack has no image in the cluster."""


def choose(pinned: str | None, alias: str | None, images: Iterable[Image]) -> str:
    """The fingerprint of the pinned image; of the one under the alias when there is none, or it is gone.

    `alias` is None when the platform does not offer the stack any more. Raises NoImage.
    """
    listed = list(images)
    if pinned is not None and any(each.fingerprint == pinned for each in listed):
        return pinned
    for each in listed:
        if alias is not None and alias in each.aliases:
            return each.fingerprint
    if alias is None:
        raise NoImage("the platform does not offer the stack any more: choose another with heroku stack:set, and push")
    raise NoImage(f"the image {alias} is not in the cluster: the role stack_image makes it")


def unneeded(
    images: Iterable[Image], releases: Collection[str], instances: Iterable[Instance], moment: float
) -> list[Image]:
    """The stacks' images without an alias that no release in `releases` and no instance (but stock) is made from.

    `moment` is the time (seconds since 1970): images of the last hour stay, as do images that are not the platform's.
    """
    used = {*releases, *(each.config.get(MADE_FROM, "") for each in instances if each.kind != names.STOCK)}
    return [
        each for each in images
        if "hokku.stack" in each.properties and not each.aliases and each.fingerprint not in used
        and _made(each) < moment - JUST_MADE
    ]  # fmt: skip


def outdated(pinned: str | None, alias: str, images: Iterable[Image]) -> bool:
    """Whether a release that is pinned so does not run on the image that its stack has now."""
    return pinned != choose(None, alias, images)


def _made(image: Image) -> float:
    try:
        return float(image.properties.get("hokku.made", "0"))
    except ValueError:
        return 0.0
