"""Certificates of a router, changed under load, and many of them.

`python tests/bench/certificates.py [CHANGES CERTIFICATES]`: clients ask over TLS, half of them with a new connection
each, while their host name's certificate is added, changed and removed; then a router gets many certificates, one of
them changes, and it is reloaded. Prints JSON; seconds, MB.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import ssl
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from uuid import uuid4

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT))

from hokku.routing import AppRoutes, Certificate, Mesh, RouteState  # noqa: E402
from tests.integration.loopback import free_port  # noqa: E402
from tests.integration.routing.certificates import make  # noqa: E402
from tests.integration.routing.dyno import Dynos  # noqa: E402
from tests.integration.routing.load import Load, LogSink  # noqa: E402
from tests.integration.routing.router import Pki, Router  # noqa: E402

HOST = "www.shop.example"


class Stand:
    """A router with one app, and as many certificates as are asked for."""

    def __init__(self, directory: Path, router: Router, mesh: Callable[..., Mesh], dynos: Dynos) -> None:
        self._directory, self.router = directory, router
        self._pem: dict[str, str] = {}
        self.mesh = mesh(lambda digests: {digest: self._pem[digest] for digest in digests})
        self._app, self._web = uuid4(), dynos.start("web.1", "mark")

    def certificate(self, hostname: str) -> Certificate:
        """A new one."""
        pem = make(self._directory, hostname).pem.read_text()
        digest = hashlib.sha256(pem.encode()).hexdigest()
        self._pem[digest] = pem
        return Certificate(hostname, digest)

    def converge(self, hostnames: tuple[str, ...], certificates: list[Certificate]) -> tuple[float, int]:
        """Seconds and changes until the router has these."""
        began, changes = time.monotonic(), 0
        routes = AppRoutes(
            self._app, "shop", "pool001", hostnames, RouteState.SERVING, (self._web,), tuple(certificates)
        )
        while True:
            report = self.mesh.converge({self._app: routes})
            assert report.ok, report
            assert not report.routers["router1"].refused, report
            changes += report.changes
            if not report.pending:
                return round(time.monotonic() - began, 3), changes

    def memory(self) -> int:
        """Resident MB of the router's process."""
        status = Path(f"/proc/{self.router.pid()}/status").read_text()
        return int(status.split("VmRSS:")[1].split()[0]) // 1024


@contextlib.contextmanager
def stand() -> Iterator[Stand]:
    with tempfile.TemporaryDirectory(prefix="hokku-bench-") as name, contextlib.ExitStack() as left:
        directory = Path(name)
        pki, log, dynos = Pki(directory / "pki"), LogSink(), Dynos()
        left.callback(log.close)
        left.callback(dynos.close)
        router = Router(directory / "router", pki, "router1", "127.0.0.1", free_port(), router_log_target=log.target)
        router.start()
        left.callback(router.stop)
        tls = pki.manifold

        def mesh(bundles: object) -> Mesh:
            key = tls.crt.with_suffix(".key")
            made = Mesh([router.host], router.runtime, tls.crt, key, pki.ca.crt, 5, 6, bundles)
            left.callback(made.close)
            return made

        (directory / "bundles").mkdir()
        yield Stand(directory / "bundles", router, mesh, dynos)


def under_load(bench: Stand, changes: int) -> dict[str, object]:
    """What clients got while a certificate changed."""
    some = [bench.certificate(HOST) for _ in range(6)]
    bench.converge((HOST,), [])
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE  # now the default one, now another
    before, began = bench.router.pid(), time.monotonic()
    with Load(bench.router.address, bench.router.https, HOST, pause=0, tls=context) as load:
        for turn in range(changes):
            bench.converge((HOST,), [some[turn % 6]] if turn % 3 else [])
    assert bench.router.pid() == before
    seconds = round(time.monotonic() - began, 1)
    return {"changes": changes, "seconds": seconds, "requests": load.answers.total(), "failed": len(load.failures)}


def many(bench: Stand, number: int) -> dict[str, object]:
    """How a router does with many of them."""
    hostnames = tuple(f"h{n}.many.example" for n in range(number))
    bench.converge(hostnames, [])
    certificates = [bench.certificate(name) for name in hostnames]
    empty = bench.memory()
    told: dict[str, object] = {"certificates": number, "to an empty router": bench.converge(hostnames, certificates)[0]}
    told["MB"] = bench.memory() - empty
    told["nothing to do"] = bench.converge(hostnames, certificates)[0]
    certificates[number // 2] = bench.certificate(hostnames[number // 2])
    told["one changed"], changed = bench.converge(hostnames, certificates)
    began = time.monotonic()
    bench.router.reload()
    told["reload"] = round(time.monotonic() - began, 2)
    told["read anew"], again = bench.converge(hostnames, certificates)
    assert (changed, again) == (1, 0)
    return told


if __name__ == "__main__":
    given = [int(word) for word in sys.argv[1:]] or [600, 2000]
    with stand() as bench:
        print(json.dumps({"under load": under_load(bench, given[0]), "many": many(bench, given[1])}, indent=1))
