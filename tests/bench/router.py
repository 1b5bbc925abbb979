"""Requests a second through a router of the role's template against the same HAProxy with a static configuration.

Same threads, headers, log lines and dynos; the static one has no maps, no pool and one backend that is written down.
The proxy has one core to itself; the client, the dynos and the log have the other. Prints JSON: requests a second and
microseconds of CPU a request, the best of the rounds, and the ratios router to static of both (1.0 is equal; over 1 is
better for the router).
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT))

from hokku.routing import AppRoutes, Endpoint, Mesh, RouteState, backend_name  # noqa: E402
from tests.integration.loopback import free_port, wait_for  # noqa: E402
from tests.integration.routing.router import Pki, Router  # noqa: E402

ROUNDS, SECONDS, CLIENTS, APPS, DYNOS = 5, 3, 64, 100, 3
HOST = "app1.apps.localhost"
_PROXY, _REST = "1", "0"  # cores
_DYNOS = """
global
  nbthread 1
  maxconn 2000
defaults
  mode http
  timeout client 60s
  timeout server 60s
  timeout connect 5s
frontend dyno
{binds}
  http-request return status 200 content-type text/plain string "hello"
"""
_SINK = """
import socket, threading
listener = socket.create_server(("127.0.0.1", {port}))
def drain(connection):
    buffer = bytearray(1 << 20)
    while connection.recv_into(buffer): pass
while True: threading.Thread(target=drain, args=(listener.accept()[0],), daemon=True).start()
"""


class Static(Router):
    """The router's configuration with the one app written into it, instead of maps and a pool."""

    endpoints: tuple[Endpoint, ...] = ()

    def render(self) -> str:
        """Every rule that is not about finding the app stays."""
        head, rest = super().render().split("frontend apps\n", 1)
        front = rest.split("# What clients of a process", 1)[0]
        finds = re.compile(r"set-var\(txn\.backend\)|use_backend|default_backend")
        front = "\n".join(line for line in front.splitlines() if not finds.search(line))
        front = re.sub(r"var\(txn\.backend\),map_str\([^)]*\)", f"str({uuid4()})", front)
        front = re.sub(r"srv_name,map_str\([^)]*\)", "srv_name", front)
        servers = "\n".join(f"  server {e.name} {e.address}:{e.port}" for e in self.endpoints)
        return f"{head}frontend apps\n{front}\n  default_backend app\n\nbackend app\n{servers}\n"


@contextlib.contextmanager
def running(command: list[str]) -> Iterator[None]:
    """A process on the core that is not the proxy's, ended with the block."""
    process = subprocess.Popen(["taskset", "-c", _REST, *command])
    try:
        yield
    finally:
        process.terminate()
        process.wait(5)


def cpu(pid: int) -> float:
    """Seconds on a core so far."""
    tasks = Path(f"/proc/{pid}/task").glob("*/schedstat")
    return sum(int(task.read_text().split()[0]) for task in tasks) / 1e9


def measure(router: Router) -> tuple[float, float]:
    """Requests a second, and microseconds of the proxy's CPU for each."""
    pid = router.pid()
    before = cpu(pid)
    url = f"http://{router.address}:{router.http}/path?query=1"
    command = ["taskset", "-c", _REST, "wrk", "-t1", f"-c{CLIENTS}", f"-d{SECONDS}s", "-H", f"Host: {HOST}", url]
    told = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    if "Non-2xx" in told or "Socket errors" in told:
        raise SystemExit(f"requests failed: {told}")
    requests = int(re.search(r"(\d+) requests in", told)[1])
    rate = float(re.search(r"Requests/sec:\s+([\d.]+)", told)[1])
    return rate, (cpu(pid) - before) / requests * 1e6


def main() -> None:
    """Measure in turns, so that what else the computer does falls on both."""
    with contextlib.ExitStack() as stack:
        directory = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="hokku-bench-")))
        directory.chmod(0o755)
        pki, log_port, runtime = Pki(directory / "tls"), free_port(), free_port()
        web = tuple(Endpoint(uuid4(), f"web.{n + 1}", "host1", f"127.0.5.{n + 1}", free_port()) for n in range(DYNOS))
        dynos = directory / "dynos.cfg"
        dynos.write_text(_DYNOS.format(binds="\n".join(f"  bind {e.address}:{e.port}" for e in web)))
        stack.enter_context(running(["haproxy", "-db", "-f", str(dynos)]))
        stack.enter_context(running([sys.executable, "-c", _SINK.format(port=log_port)]))
        variables = {
            "router_threads": 1,
            "router_backends": APPS,
            "router_servers_per_backend": 30,
            "router_log_target": f"127.0.0.1:{log_port}",
        }
        routers: dict[str, Router] = {}
        for number, (name, kind) in enumerate({"router": Router, "static": Static}.items(), 1):
            routers[name] = kind(directory / name, pki, name, f"127.0.0.{number}", runtime, **variables)
            if isinstance(routers[name], Static):
                routers[name].endpoints = web
            routers[name].start()
            stack.callback(routers[name].stop)
            subprocess.run(["taskset", "-acp", _PROXY, str(routers[name].pid())], check=True, capture_output=True)

        key = pki.manifold.crt.with_suffix(".key")
        mesh = Mesh([routers["router"].host], runtime, pki.manifold.crt, key, pki.ca.crt, APPS, 30)
        apps = [
            AppRoutes(uuid4(), f"app{n}", backend_name(n), (f"app{n}.apps.localhost",), RouteState.SERVING, web)
            for n in range(1, APPS + 1)
        ]
        started = time.monotonic()
        report = mesh.converge({routes.app_id: routes for routes in apps})
        published = time.monotonic() - started
        mesh.close()
        if not report.ok:
            raise SystemExit(f"publishing failed: {report.errors}")
        for router in routers.values():
            wait_for("the dynos answer", lambda router=router: router.get(HOST)[0] == 200, 10)

        rounds: dict[str, list[tuple[float, float]]] = {name: [] for name in routers}
        for turn in range(ROUNDS):
            for name in sorted(routers, reverse=bool(turn % 2)):
                rounds[name].append(measure(routers[name]))

    rps = {name: max(rate for rate, _ in found) for name, found in rounds.items()}
    used = {name: min(us for _, us in found) for name, found in rounds.items()}
    result = {
        "mesh_rps": rps["router"],
        "static_rps": rps["static"],
        "ratio": rps["router"] / rps["static"],
        "mesh_cpu_us": used["router"],
        "static_cpu_us": used["static"],
        "cpu_ratio": used["static"] / used["router"],
        "apps": APPS,
        "publish_seconds": published,
        "cores": os.cpu_count(),
    }
    print(json.dumps(result, indent=2))


if __name__ == "__main__":
    main()
