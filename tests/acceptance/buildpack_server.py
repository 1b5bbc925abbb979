"""A server of buildpacks on this computer, at the address by which the lab's build containers reach it."""

from __future__ import annotations

import functools
import http.server
import os
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

GATEWAY = "10.213.77.1"  # this computer on the lab's network


class _Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *arguments: object) -> None:
        pass


@contextmanager
def serve(directory: Path) -> Iterator[str]:
    """Serve the directory over http; its URL."""
    server = http.server.ThreadingHTTPServer((GATEWAY, 0), functools.partial(_Quiet, directory=directory))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://{GATEWAY}:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()


def make(directory: Path, name: str, programs: dict[str, str]) -> None:
    """A buildpack as directory/NAME.git (branch main, tag v1) and NAME.tgz; `programs` are bash texts by name."""
    tree = directory / name
    for program, text in programs.items():
        (tree / "bin").mkdir(parents=True, exist_ok=True)
        (tree / "bin" / program).write_text(f"#!/bin/bash\n{text}\n")
        (tree / "bin" / program).chmod(0o755)
    _git(tree, "init", "-q", "-b", "main")
    _git(tree, "add", "-A")
    _git(tree, "commit", "-q", "-m", "A buildpack")
    _git(tree, "tag", "v1")
    _git(tree, "archive", "--format=tar.gz", "-o", str(directory / f"{name}.tgz"), "main")
    _git(directory, "clone", "-q", "--bare", str(tree), f"{name}.git")
    _git(directory / f"{name}.git", "update-server-info")


def _git(directory: Path, *words: str) -> None:
    environment = os.environ | {"GIT_CONFIG_GLOBAL": "/dev/null", "GIT_CONFIG_NOSYSTEM": "1"}
    argv = ["git", "-c", "user.name=Sora", "-c", "user.email=sora@example.com", *words]
    subprocess.run(argv, cwd=directory, env=environment, check=True, capture_output=True)
