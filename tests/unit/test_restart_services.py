"""`restart_services` reloads a router that takes requests, and leaves one alone that was taken out."""

from __future__ import annotations

import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[2]
ROUTER = """\
global
  stats socket {socket} level admin
defaults
  mode http
  timeout connect 1s
  timeout client 1s
  timeout server 1s
frontend apps
  bind unix@{folder}/apps
  default_backend nowhere
backend nowhere
  http-request return status 404
"""


def ask(path: Path, command: str) -> str:
    with socket.socket(socket.AF_UNIX) as connection:
        connection.connect(str(path))
        connection.sendall(command.encode() + b"\n")
        return b"".join(iter(lambda: connection.recv(65536), b"")).decode()


@pytest.fixture
def router(tmp_path: Path) -> Iterator[Path]:
    """The socket of a HAProxy that takes requests."""
    haproxy = shutil.which("haproxy", path="/usr/sbin:/usr/bin")
    assert haproxy, "haproxy is not here: apt-get install haproxy"
    path, config = tmp_path / "router.sock", tmp_path / "haproxy.cfg"
    config.write_text(ROUTER.format(socket=path, folder=tmp_path))
    process = subprocess.Popen([haproxy, "-db", "-f", str(config)], stderr=subprocess.DEVNULL)
    try:
        deadline = time.monotonic() + 10
        while not path.exists():
            assert process.poll() is None, "HAProxy does not start"
            assert time.monotonic() < deadline, "HAProxy does not listen"
            time.sleep(0.02)  # until it listens
        yield path
    finally:
        process.kill()
        process.wait(10)


@pytest.fixture
def run(router: Path, tmp_path: Path) -> Callable[..., str]:
    """What the play about routers prints; in the place of the reload is a sentence."""
    plays = yaml.safe_load((ROOT / "playbooks" / "ops" / "restart_services.yml").read_text())
    [play] = [each for each in plays if each["hosts"] == "routers"]
    tasks = play["tasks"][: [task["name"] for task in play["tasks"]].index("HAProxy is reloaded") + 1]
    tasks[0]["hokku.platform.router_intake"]["socket"] = str(router)
    tasks[-1] = {
        "name": "HAProxy is reloaded",
        "when": tasks[-1]["when"],
        "ansible.builtin.debug": {"msg": "reloading"},
    }
    path = tmp_path / "play.yml"
    path.write_text(yaml.safe_dump([{"hosts": "r1", "gather_facts": False, "tasks": tasks}], sort_keys=False))

    def made(*more: str) -> str:
        argv = [str(Path(sys.executable).with_name("ansible-playbook")), "-i", "r1,", "-c", "local", str(path), *more]
        done = subprocess.run(argv, cwd=ROOT, text=True, capture_output=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    return made


def test_a_router_that_takes_requests_is_reloaded(run: Callable[..., str]) -> None:
    told = run()
    assert "reloading" in told
    assert "left alone:" not in told


@pytest.mark.parametrize("check", [(), ("--check",)], ids=["run", "check"])
def test_a_router_that_was_taken_out_stays_so(router: Path, run: Callable[..., str], check: tuple[str, ...]) -> None:
    ask(router, "disable frontend apps")
    told = run(*check)
    assert "reloading" not in told
    assert "r1 is closed and left alone" in told
    [row] = [line for line in ask(router, "show stat").splitlines() if line.startswith("apps,FRONTEND")]
    assert ",OPEN," not in row


def test_nothing_is_said_of_a_router_where_other_services_are_meant(router: Path, run: Callable[..., str]) -> None:
    ask(router, "disable frontend apps")
    told = run("-e", "services=manifold")
    assert "reloading" not in told
    assert "left alone:" not in told
