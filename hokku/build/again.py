"""Builds that would do once more what an earlier one did: its slug is used again, and no container is made.

All that a build goes by stands in one digest: the source, the image of its stack, the buildpacks, the config vars and
this platform's own part in it. It counts only where the buildpacks say that the same comes of the same (`repeatable` in
their common.sh): not where scripts run that may fetch what changes elsewhere, nor where no file tells what is
installed, nor with buildpacks of others, nor where the app looks at the commit (docs/builds.md, "Nothing has changed").
Where a registry was asked for the newest version in a range, its answer is good for the day (UTC).
"""

from __future__ import annotations

import hashlib
import hmac
import json
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache
from pathlib import Path

from hokku.build.buildpacks import DIRECTORY, Buildpack
from hokku.build.bundle import SCRIPTS
from hokku.settings import settings
from hokku.store import checksum, releases, slugs
from hokku.store.engine import session

DAY = b"day"


@dataclass(frozen=True)
class Digests:
    """What stands for all that a build goes by: 32 bytes each, one that is good for ever and one for the day."""

    ever: bytes
    day: bytes

    def of(self, said: bytes | None) -> bytes | None:
        """The one that counts by what the build said in its file `once` (scripts/build): nothing, DAY, or another."""
        return self.ever if said is None else self.day if said.strip() == DAY else None


@dataclass(frozen=True)
class Known:
    """A slug of the app that a build would make again. `version` is of the newest release of it, if there is one."""

    stored: slugs.Stored
    made_from: bytes
    process_types: dict[str, str]
    default_config: dict[str, str] = field(repr=False)
    language: str
    version: int | None


def digests(
    source: str, image: str, stack: str, buildpacks: Sequence[Buildpack], config_vars: Mapping[str, str]
) -> Digests | None:
    """What stands for all that the build goes by; None where a buildpack is not this platform's.

    It is keyed, as config vars are secrets that could be guessed. `buildpacks` are those that the app names.
    """
    if any(pack.url for pack in buildpacks):
        return None
    said = [source, image, stack, [pack.short for pack in buildpacks], sorted(config_vars.items()), _own()]
    return Digests(_keyed(said), _keyed([*said, datetime.now(UTC).date().isoformat()]))


def _keyed(said: object) -> bytes:
    return hmac.new(_key(), json.dumps(said).encode(), hashlib.sha256).digest()


def content(given: str | None, source: Path) -> str:
    """What stands for the source: what its maker says of it, or the digest of its archive."""
    return given if given is not None else checksum.of(source)


def find(app_id: uuid.UUID, made_from: Digests) -> Known | None:
    """The slug that was made from the same, if its content is still there."""
    with session() as opened:
        slug = slugs.made_from(opened, app_id, (made_from.ever, made_from.day))
        if slug is None or slug.made_from is None:
            return None
        stored = slugs.Stored(str(slug.sha256), slug.size or 0)
        version = releases.newest_version_of(opened, slug.id)
        return Known(
            stored, slug.made_from, dict(slug.process_types), slugs.default_config(slug), slug.buildpack or "", version
        )


@cache
def _own() -> str:
    """Digest of the platform's buildpacks and of what runs them."""
    summed = hashlib.sha256()
    for top in (DIRECTORY, SCRIPTS):
        for path in sorted(top.rglob("*")):
            if path.is_file():
                text = path.read_bytes()
                summed.update(f"{path.relative_to(top)} {len(text)}\n".encode() + text)
    return summed.hexdigest()


@cache
def _key() -> bytes:
    newest = settings().config_key_file.read_text().split()[0]
    return hashlib.sha256(f"what slugs are made from {newest}".encode()).digest()
