"""Drains: an app's lines at a syslog server of the user's."""

from __future__ import annotations

import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from buildpack_server import GATEWAY
from official_cli import HerokuCli
from platform_client import App, wait_for


@contextmanager
def syslog() -> Iterator[tuple[str, bytearray]]:
    """A syslog server on this computer, as the lab reaches it: its URL, and what it has received."""
    received = bytearray()

    class Reader(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            while data := self.request.recv(65536):
                received.extend(data)

    class Server(socketserver.ThreadingTCPServer):
        daemon_threads = True
        allow_reuse_address = True

    with Server((GATEWAY, 0), Reader) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"syslog://{GATEWAY}:{server.server_address[1]}", received
        server.shutdown()


def test_lines_arrive_from_drains_add_until_drains_remove(cli: HerokuCli, shop: App) -> None:
    with syslog() as (url, received):
        added = cli.run("drains:add", url, app=shop.name)
        assert url in added.text
        assert url in cli.run("drains", app=shop.name).stdout
        token = shop.call("GET", "/log-drains").json()[0]["token"]

        def arrived() -> bool:
            shop.get("/print/into-the-drain")
            return b"into-the-drain" in received

        wait_for("a line", arrived, 60, every=1)
        frame = next(line for line in received.decode().splitlines() if "into-the-drain" in line and "app web" in line)
        assert f" {token} app web.1 - " in frame
        removed = cli.run("drains:remove", url, app=shop.name)
        assert "Successfully removed drain" in removed.text
        assert shop.call("GET", "/log-drains").json() == []
        assert url not in cli.run("drains", app=shop.name).stdout


def test_what_is_no_drain_is_refused(cli: HerokuCli, shop: App) -> None:
    for wrong in ("ftp://example.com", "syslog://169.254.169.254:514", "nonsense"):
        cli.refused("drains:add", wrong, app=shop.name)
    assert shop.call("GET", "/log-drains").json() == []
