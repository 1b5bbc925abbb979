"""Templates: for each release on each host one stopped container with the slug unpacked, of which dynos are clones.

A template carries `user.hokku.ready` once it is whole; one without is a leftover of an accident and is made anew, and
so is one whose dyno-init is too old for this manifold.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Mapping
from pathlib import Path

from hokku.manifold import names, stock
from hokku.manifold.images import MADE_FROM
from hokku.manifold.lxd import Instance, LxdError, Member
from hokku.store.wanted import Payload

READY = "user.hokku.ready"
WHOLE = "2"  # its value: to be counted up when the manifold needs a newer dyno-init than templates made so far hold
UNPACK = 120.0  # seconds an unpacking may take


class SlugMissing(LxdError):
    """The slug is not in the store: trying again cannot help."""


def is_ready(instance: Instance) -> bool:
    """Whether it is a whole template that this manifold can use."""
    return instance.kind == "template" and instance.config.get(READY) == WHOLE


def sibling(instances: Mapping[str, Instance], about: Mapping[str, str], image: str) -> str | None:
    """A whole template of another release of the app with the same content: its copy needs no unpacking.

    `about` are the labels of the one that is to be made, `image` is what it is made from.
    """
    same = {key: about[key] for key in ("user.hokku.app", "user.hokku.content")} | {MADE_FROM: image}
    for instance in instances.values():
        if is_ready(instance) and same.items() <= instance.config.items():
            return instance.name
    return None


def make(
    member: Member, payload: Payload, app_id: uuid.UUID, image: str, slug: Path, instances: Mapping[str, Instance]
) -> None:
    """Make the release's template on that host; whatever is there under its name goes first.

    `image` is a fingerprint, `slug` the file in the store, `instances` what the host was last seen to have. Raises
    SlugMissing or LxdError.
    """
    name = names.template(payload.release_id, member.host.name)
    member.delete(name)
    about = names.labels(
        "template", app=app_id, release=payload.release_id, slug=payload.slug_id, content=payload.sha256
    )
    config = {
        **about,
        READY: "false",
        "boot.autostart": "false",
        "environment.HOKKU_MODE": "unpack",
        "raw.lxc": names.INIT,
    }
    other = sibling({key: each for key, each in instances.items() if key != name}, about, image)
    if other is not None:
        member.copy(name, other, config, names.root())
    else:
        if not slug.exists():
            raise SlugMissing(f"the slug {payload.sha256[:12]} is not in the store: deploy again")
        stock.clone(member, name, image, config, names.root())
        with slug.open("rb") as stream:
            member.push(name, "/var/lib/hokku/slug.tar.zst", stream, mode=0o600)
        _unpack(member, name)
    member.push(name, "/etc/hokku/dyno.env", entries(payload.environment), mode=0o600)
    member.push(name, "/etc/hokku/commands", entries(payload.commands), mode=0o600)
    member.set_config(name, {READY: WHOLE})


def _unpack(member: Member, name: str) -> None:
    member.start(name)
    deadline = time.monotonic() + UNPACK
    while member.instance(name).status != "Stopped":
        if time.monotonic() > deadline:
            raise LxdError(f"unpacking the slug took over {UNPACK:.0f} s")
        time.sleep(0.1)
    if member.read(name, "/var/lib/hokku/unpacked") is None:
        raise LxdError("the slug could not be unpacked: it is broken, or the disk is full")


def entries(values: Mapping[str, str]) -> bytes:
    """NUL-separated KEY=VALUE, as dyno-init reads it; an entry with a NUL cannot be one and is left out."""
    entries = (f"{key}={value}".encode() for key, value in sorted(values.items()))
    return b"".join(entry + b"\0" for entry in entries if b"\0" not in entry)
