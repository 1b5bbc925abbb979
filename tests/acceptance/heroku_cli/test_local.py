"""heroku local: the CLI's own runner starts the samples from their Procfile on this computer."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import httpx
from official_cli import HerokuCli
from platform_client import SAMPLE, wait_for

from tests.integration.loopback import free_port


def test_local_serves_the_sample(cli: HerokuCli, tmp_path: Path) -> None:
    tree = tmp_path / "python"
    shutil.copytree(SAMPLE, tree)
    (tree / ".env").write_text("HEROKU_APP_NAME=a-frog\n")
    programs = tmp_path / "bin"  # what the sample's requirements.txt brings, in the place of gunicorn's own program
    programs.mkdir()
    (programs / "python").symlink_to(sys.executable)
    serving = programs / "gunicorn"
    serving.write_text(
        f"#!{sys.executable}\nimport os, sys\nfrom wsgiref.simple_server import make_server\n"
        "sys.path.insert(0, os.getcwd())\nimport web\n"
        "make_server('127.0.0.1', int(os.environ['PORT']), web.application).serve_forever()\n"
    )
    serving.chmod(0o755)
    local = cli.having(PATH=f"{programs}:{cli.environment['PATH']}")
    port = free_port()
    with local.terminal("local", "web=1,worker=1", "-p", str(port), cwd=tree) as terminal:
        answer = wait_for("an answer", lambda: httpx.get(f"http://127.0.0.1:{port}/").text, 30)
        assert answer.startswith("Hello from a-frog")
        terminal.expect(r"worker\.1.*did round 1")
        terminal.send("\x03")
        terminal.wait(30)
    assert cli.run("local:version").stdout.strip()
