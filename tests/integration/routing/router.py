"""A router as the role makes it: the role's own template, pages and keeper of routes, and the real HAProxy."""

from __future__ import annotations

import getpass
import http.client
import os
import shutil
import signal
import socket
import subprocess
import sys
from pathlib import Path

import jinja2
import yaml

from hokku.settings import Host
from tests.integration.loopback import free_port, wait_for
from tests.integration.routing.certificates import make

ROLE = Path(__file__).parents[3] / "roles" / "router"
KEEPER = ROLE / "files" / "router-state"


class Pki:
    """The certificates of a platform with one router."""

    def __init__(self, directory: Path) -> None:
        directory.mkdir()
        self.ca = make(directory, "ca", ca=True)
        self.host = make(directory, "host", self.ca)
        self.other = make(directory, "dyno1", self.ca)
        self.apps = make(directory, "apps", self.ca)
        self.manifold = make(directory, "manifold")


class Router:
    """One HAProxy process tree on loopback."""

    def __init__(self, directory: Path, pki: Pki, name: str, address: str, runtime: int, **variables: object) -> None:
        self.directory, self.pki, self.address = directory, pki, address
        self.http, self.https, self.runtime = free_port(), free_port(), runtime
        self.log = directory / "log"
        self.state = directory / "state"
        self.host = Host(name=name, address=address)
        run, config = directory / "run", directory / "etc"
        for path in (directory, run, config, self.state):
            path.mkdir(exist_ok=True)
        shutil.copytree(ROLE / "files" / "pages", config / "pages")
        shutil.copy(ROLE / "files" / "codes.map", config)
        self.socket = run / "router.sock"
        self.config = config / "haproxy.cfg"
        self.variables = {
            **yaml.safe_load((ROLE / "defaults" / "main.yml").read_text()),
            "router_http_port": self.http,
            "router_https_port": self.https,
            "router_runtime_port": self.runtime,
            "router_bind": address,
            "router_certificate": str(pki.apps.pem),
            "router_runtime_certificate": str(pki.host.crt),
            "router_runtime_client": str(pki.manifold.crt),
            "router_state_dir": str(self.state),
            "router_run_dir": str(run),
            "router_config_dir": str(config),
            "router_user": getpass.getuser(),
            "router_maxconn": 1000,
            "router_threads": 2,
            "router_backends": 5,
            "router_servers_per_backend": 6,
            **variables,
        }
        self._process: subprocess.Popen[bytes] | None = None
        self._keeper: subprocess.Popen[bytes] | None = None
        self._replaced: int | None = None

    def start(self) -> None:
        """As `systemctl start`: routes are loaded first."""
        self.config.write_text(self.render())
        self.keep("load", "--max-age", str(self.variables["router_state_max_age"]))
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                ["haproxy", "-W", "-f", str(self.config), "-S", str(self.directory / "run" / "master.sock")],
                stderr=log,
                stdout=log,
            )
            wait_for("HAProxy's worker answers", lambda: self._listens() and self.pid() is not None, 10)
            self._keeper = subprocess.Popen(
                [sys.executable, str(KEEPER), "watch", "--interval", "0.1", *self._where()], stderr=log
            )

    def render(self) -> str:
        """haproxy.cfg as Ansible would write it."""
        environment = jinja2.Environment(trim_blocks=True, keep_trailing_newline=True, undefined=jinja2.StrictUndefined)
        return environment.from_string((ROLE / "templates" / "haproxy.cfg.j2").read_text()).render(self.variables)

    def _listens(self) -> bool:
        assert self._process is None or self._process.poll() is None, self.log.read_text()
        with socket.socket() as probe:
            return probe.connect_ex((self.address, self.http)) == 0

    def stop(self, how: signal.Signals = signal.SIGTERM) -> None:
        """As `systemctl stop`: the process says that it leaves, and its routes are saved. SIGKILL: as a crash."""
        if self._process is None:
            return
        if how is not signal.SIGKILL:
            self.keep("leave")
        workers = subprocess.run(["pgrep", "-P", str(self._process.pid)], capture_output=True, text=True, check=False)
        self._process.send_signal(how)
        self._process.wait(10)
        for pid in map(int, workers.stdout.split()):
            wait_for("the worker is gone", lambda pid=pid: not Path(f"/proc/{pid}").exists() or _kill(pid), 10)
        self._keeper.terminate()
        self._keeper.wait(5)
        self._process = None

    def reload(self) -> None:
        """As `systemctl reload`; returns when the new process answers."""
        self._replaced = old = self.pid()
        self.keep("leave")
        self.keep("load", "--max-age", str(self.variables["router_state_max_age"]))
        self._process.send_signal(signal.SIGUSR2)
        wait_for("the new process answers", lambda: self.pid() not in (None, old), 10)

    def keep(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """What the keeper of routes does once."""
        command = [sys.executable, str(KEEPER), *arguments, *self._where()]
        return subprocess.run(command, check=True, capture_output=True, text=True)

    def _where(self) -> list[str]:
        master = self.directory / "run" / "master.sock"
        return ["--socket", str(self.socket), "--master", str(master), "--directory", str(self.state)]

    def ask(self, commands: str) -> str:
        """An answer of the runtime API, by the local socket."""
        with socket.socket(socket.AF_UNIX) as connection:
            connection.connect(str(self.socket))
            connection.sendall(commands.encode() + b"\n")
            return b"".join(iter(lambda: connection.recv(65536), b"")).decode()

    def handed_over(self) -> bool:
        """Whether the process that the last reload has replaced hands its requests to the new one."""
        command = f"@!{self._replaced} show map {self.state}/maps/mesh.map"
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(5)
            if connection.connect_ex(str(self.directory / "run" / "master.sock")):
                return False  # the master refuses for a moment after a reload
            connection.sendall(command.encode() + b"\n")
            connection.shutdown(socket.SHUT_WR)
            told = b"".join(iter(lambda: connection.recv(65536), b"")).decode()
        return " replaced yes" in told

    def pid(self) -> int | None:
        """The worker that answers, None when none does."""
        try:
            return int(self.ask("show info").split("\nPid: ")[1].split("\n")[0])
        except (OSError, IndexError):
            return None

    def get(self, host: str, path: str = "/", **headers: str) -> tuple[int, str, dict[str, str]]:
        """Status, body and headers of one request over a connection of its own."""
        connection = http.client.HTTPConnection(self.address, self.http, timeout=15)
        try:
            connection.request("GET", path, headers={"Host": host, **headers})
            answer = connection.getresponse()
            return answer.status, answer.read().decode(), {k.lower(): v for k, v in answer.getheaders()}
        finally:
            connection.close()


def _kill(pid: int) -> bool:
    """A worker whose master was killed goes on by itself; a crash takes both."""
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        return True
    return False
