"""One dyno's container: made and started, ended and buried. Each call blocks: it runs in a worker of the host."""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping
from dataclasses import dataclass

from hokku.manifold import names, slots
from hokku.manifold.lxd import LxdError, Member
from hokku.manifold.model import WEB, Ended
from hokku.settings import Settings

EXIT = "/var/lib/hokku/exit"
ENTER = "user.hokku.enter"  # "true" on dynos whose dyno-init has the mode enter


@dataclass(frozen=True)
class Birth:
    """What a dyno is made of. `attached`: a one-off whose command is executed later, for a client; its own process
    only waits."""

    id: uuid.UUID
    app_id: uuid.UUID
    release_id: uuid.UUID
    slug_id: uuid.UUID
    type: str
    number: int
    size: str
    slot: int
    oneoff: bool = False
    attached: bool = False

    @property
    def instance(self) -> str:
        """The name of its container."""
        return names.dyno(self.id)


def bear(member: Member, birth: Birth, settings: Settings, files: Mapping[str, bytes]) -> None:
    """Clone the release's template on that host, put root-only `files` into it and start it.

    What is left of a failure, the caller deletes.
    """
    template = names.template(birth.release_id, member.host.name)
    member.copy(birth.instance, template, config(birth, settings), devices(birth, member, settings))
    for path, content in files.items():
        member.push(birth.instance, path, content, mode=0o600)
    member.start(birth.instance)


def config(birth: Birth, settings: Settings) -> dict[str, str]:
    """The dyno's LXD configuration, to go over its template's."""
    size = settings.sizes.get(birth.size) or settings.sizes[settings.default_size]
    about = names.labels(
        "dyno", app=birth.app_id, release=birth.release_id, slug=birth.slug_id, type=birth.type, number=birth.number,
        slot=birth.slot, dyno=birth.id, size=birth.size, ready="",
    )  # fmt: skip
    return about | {
        ENTER: "true",
        "raw.lxc": names.init_at(slots.address(birth.slot), settings),
        "boot.autostart": "false",
        "environment.HOKKU_MODE": "idle" if birth.attached else "run",
        "environment.HOKKU_PROCESS": birth.type,
        "environment.DYNO": f"{birth.type}.{birth.number}",
        "environment.PORT": str(settings.dyno_port),
        "environment.DYNO_RAM": str(size.memory),
        "environment.HEROKU_DYNO_ID": str(birth.id),
        "limits.memory": f"{size.memory}MiB",
        "limits.processes": str(size.processes),
        "limits.cpu.allowance": f"{min(100, max(1, size.cpu_shares))}%",  # a weight: it binds only under contention
    }


def devices(birth: Birth, member: Member, settings: Settings) -> dict[str, dict[str, str]]:
    """The dyno's network card, and for a web dyno the published port."""
    address = slots.address(birth.slot)
    wanted = {"eth0": names.card(address, settings)}
    if birth.type == WEB and not birth.oneoff:
        port = slots.port(birth.slot, settings.dyno_first_port)
        wanted["http"] = {
            "type": "proxy",
            "listen": f"tcp:{member.host.address}:{port}",
            "connect": f"tcp:{address}:{settings.dyno_port}",
            "nat": "true",
        }
    return names.root(wanted)


class Unread(LxdError):
    """How a dyno ended cannot be read now."""


def bury(member: Member, instance: str, *, read: bool = True) -> Ended:
    """How the dyno ended, which is not known without `read`; afterwards nothing of its container is left.

    Raises Unread: LXD 5.0 can hold the files of a container for ever after a request for them was broken off.
    """
    try:
        content = member.read(instance, EXIT) if read else None
    except LxdError as error:
        raise Unread(str(error)) from error
    member.delete(instance)
    try:
        told = json.loads(content or b"")
    except ValueError:
        return Ended(None)
    signal = told.get("signal")
    return Ended(128 + signal if signal else told.get("status"))
