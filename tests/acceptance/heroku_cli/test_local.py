"""heroku local: the CLI's own runner starts the samples from their Procfile on this computer."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest
from official_cli import NODE, HerokuCli
from platform_client import ROOT, wait_for

from tests.integration.loopback import free_port


def python(tree: Path, programs: Path) -> str:
    """What the sample's requirements.txt brings, in the place of gunicorn's own program; gives a PATH."""
    programs.mkdir()
    (programs / "python").symlink_to(sys.executable)
    serving = programs / "gunicorn"
    serving.write_text(
        f"#!{sys.executable}\nimport os, sys\nfrom wsgiref.simple_server import make_server\n"
        "sys.path.insert(0, os.getcwd())\nimport web\n"
        "make_server('127.0.0.1', int(os.environ['PORT']), web.application).serve_forever()\n"
    )
    serving.chmod(0o755)
    return str(programs)


def node(tree: Path, programs: Path) -> str:
    """What npm installs by the sample's lock; gives a PATH."""
    programs.mkdir()
    (programs / "node").symlink_to(NODE)
    (programs / "npm").symlink_to(Path(sys.executable).parent / "npm")
    path = f"{programs}:{os.environ['PATH']}"
    argv = [programs / "npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"]
    subprocess.run(argv, cwd=tree, env=os.environ | {"PATH": path}, check=True, timeout=300)
    return str(programs)


@pytest.mark.parametrize(("sample", "prepare"), [("python", python), ("node", node)])
def test_local_serves_the_sample(
    cli: HerokuCli, tmp_path: Path, sample: str, prepare: Callable[[Path, Path], str]
) -> None:
    tree = tmp_path / sample
    shutil.copytree(ROOT / "samples" / sample, tree)
    (tree / ".env").write_text("HEROKU_APP_NAME=a-frog\n")
    local = cli.having(PATH=f"{prepare(tree, tmp_path / 'bin')}:{cli.environment['PATH']}")
    port = free_port()
    with local.terminal("local", "web=1,worker=1", "-p", str(port), cwd=tree) as terminal:
        answer = wait_for("an answer", lambda: httpx.get(f"http://127.0.0.1:{port}/").text, 30)
        assert answer.startswith("Hello from a-frog")
        terminal.expect(r"worker\.1.*did round 1")
        terminal.send("\x03")
        terminal.wait(30)
    assert cli.run("local:version").stdout.strip()


def test_local_run_has_the_environment_of_the_file(cli: HerokuCli, tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("FROG='jumps in'\n")
    program = tmp_path / "say"
    program.write_text("#!/bin/sh\necho it $FROG\nexit 3\n")
    program.chmod(0o755)
    assert "it jumps in\n" in cli.run("local:run", "./say", cwd=tmp_path, code=3).stdout
