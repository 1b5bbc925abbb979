"""The platform's buildpacks as a build container runs them, on this computer, with stand-ins for what a stack has."""

from __future__ import annotations

import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from hokku.build.buildpacks import COMMON, DIRECTORY


@dataclass(frozen=True)
class Ran:
    """Exit status and what was printed."""

    status: int
    said: str


def for_dynos(script: str) -> str:
    """A script of a buildpack, like `java/lib/profile.sh`, as bin/compile puts it into the slug."""
    words = ["bash", "-c", '. "$1"; for_dynos "$2"', "bash", DIRECTORY / COMMON, DIRECTORY / script]
    return subprocess.run(words, text=True, check=True, capture_output=True).stdout


class Stand:
    """One buildpack and one app. `programs` are bash texts by name: a toolchain, only as deep as a test looks."""

    def __init__(self, home: Path, name: str, files: dict[str, str], programs: dict[str, str] | None = None) -> None:
        self.home, self.app, self.cache = home, home / "app", home / "cache"
        self.pack, self.env, self.bin = home / "pack", home / "env", home / "bin"
        for directory in (self.app, self.cache, self.env, self.bin):
            directory.mkdir()
        shutil.copytree(DIRECTORY / name, self.pack)
        shutil.copy(DIRECTORY / COMMON, self.pack)
        for path in self.pack.rglob("*"):  # as the bundle packs them
            if path.is_file():
                path.chmod(0o755 if path.parent.name == "bin" else 0o644)
        for path, text in files.items():
            (self.app / path).parent.mkdir(parents=True, exist_ok=True)
            (self.app / path).write_text(text)
        for program, text in (programs or {}).items():
            (self.bin / program).write_text(f"#!/bin/bash\n{text}\n")
            (self.bin / program).chmod(0o755)

    def run(self, program: str, *arguments: Path, **more: str) -> Ran:
        """Run bin/PROGRAM of the buildpack."""
        env = {"PATH": f"{self.bin}:/usr/local/bin:/usr/bin:/bin", "HOME": str(self.home), "LANG": "C.UTF-8"}
        done = subprocess.run(
            [self.pack / "bin" / program, *arguments], env=env | {"STACK": "debian-13"} | more, text=True, check=False,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL, timeout=60, cwd=self.home,
        )  # fmt: skip
        return Ran(done.returncode, done.stdout)

    def detect(self) -> Ran:
        return self.run("detect", self.app)

    def compile(self, config: dict[str, str] | None = None, **more: str) -> Ran:
        """bin/compile with these config vars; `more` is of the build's environment."""
        for name, value in (config or {}).items():
            (self.env / name).write_text(value)
        return self.run("compile", self.app, self.cache, self.env, **more)

    def release(self) -> str:
        ran = self.run("release", self.app)
        assert ran.status == 0, ran.said
        return ran.said

    @property
    def repeatable(self) -> bool:
        """Whether the buildpack says that the same would come of the same."""
        return (self.pack / "repeatable").exists()

    def calls(self) -> list[str]:
        """What stand-ins wrote into the file `calls`."""
        calls = self.home / "calls"
        return calls.read_text().splitlines() if calls.exists() else []
