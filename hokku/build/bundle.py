"""Everything a build needs in one tar: scripts, buildpacks or their URLs, config vars, the source, the cache."""

from __future__ import annotations

import io
import re
import tarfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import BinaryIO

from hokku.build.buildpacks import COMMON, DIRECTORY, Buildpack, known

SCRIPTS = Path(__file__).parent / "scripts"
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,254}")


def write(
    into: BinaryIO,
    *,
    source: Path,
    cache: Path | None,
    config_vars: Mapping[str, str],
    buildpacks: Sequence[Buildpack] = (),
) -> None:
    """Write the tar. The source and the cache are packed as they are: only the container opens them.

    `buildpacks` are those the app names; the platform's are in every tar. URLs are files: they may hold secrets.
    """
    with tarfile.open(fileobj=into, mode="w", format=tarfile.GNU_FORMAT) as tar:
        for script in sorted(SCRIPTS.iterdir()):
            _file(tar, script.name, script.read_bytes(), 0o755)
        for number, pack in enumerate(buildpacks):
            if pack.url:
                _file(tar, f"urls/{number}", f"{pack.url}\n{pack.ref}\n{pack.shown}\n".encode(), 0o600)
        _file(tar, f"buildpacks/{COMMON}", (DIRECTORY / COMMON).read_bytes(), 0o644)
        for name in known():
            for path in sorted((DIRECTORY / name).rglob("*")):
                if path.is_file():
                    mode = 0o755 if path.parent.name == "bin" else 0o644
                    _file(tar, f"buildpacks/{path.relative_to(DIRECTORY)}", path.read_bytes(), mode)
        directory = tarfile.TarInfo("env")
        directory.type, directory.mode = tarfile.DIRTYPE, 0o700
        tar.addfile(directory)
        for name, value in sorted(config_vars.items()):
            if _NAME.fullmatch(name):  # a file's name must not lead anywhere else, and has 255 characters at most
                _file(tar, f"env/{name}", value.encode(), 0o600)
        _copy(tar, "source.tar.gz", source)
        if cache is not None:
            _copy(tar, "cache.tar.zst", cache)


def _file(tar: tarfile.TarFile, name: str, content: bytes, mode: int) -> None:
    member = tarfile.TarInfo(name)
    member.size, member.mode = len(content), mode
    tar.addfile(member, io.BytesIO(content))


def _copy(tar: tarfile.TarFile, name: str, path: Path) -> None:
    member = tarfile.TarInfo(name)
    with path.open("rb") as content:
        member.size, member.mode = path.stat().st_size, 0o600
        tar.addfile(member, content)
