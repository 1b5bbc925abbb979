"""Webhooks: what happens to an app is told to a server of the user's, signed."""

from __future__ import annotations

import base64
import hashlib
import hmac
import http.server
import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from buildpack_server import GATEWAY
from official_cli import HerokuCli
from platform_client import App, wait_for

SECRET = "a sound of water, twice as long"


@contextmanager
def receiver() -> Iterator[tuple[str, list[tuple[dict[str, str], bytes]]]]:
    """A server on this computer, as the lab reaches it: its URL, and the headers and bodies it has received."""
    received: list[tuple[dict[str, str], bytes]] = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            received.append(({name.lower(): value for name, value in self.headers.items()}, body))
            self.send_response(204)
            self.end_headers()

        def log_message(self, *arguments: object) -> None:
            pass

    server = http.server.ThreadingHTTPServer((GATEWAY, 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://{GATEWAY}:{server.server_address[1]}/hook", received
    finally:
        server.shutdown()
        server.server_close()


def test_add_list_receive_deliveries_update_and_remove(cli: HerokuCli, shop: App) -> None:
    with receiver() as (url, received):
        added = cli.run("webhooks:add", "-i", "api:release", "-l", "sync", "-s", SECRET, "-u", url, app=shop.name)
        assert "Adding webhook" in added.text
        hook = shop.call("GET", "/webhooks").json()[0]
        listed = cli.run("webhooks", app=shop.name).stdout
        assert hook["id"] in listed
        assert url in listed
        assert url in cli.run("webhooks:info", hook["id"], app=shop.name).stdout

        shop.call("PATCH", "/config-vars", {"HOOKED": "1"}, 200)
        wait_for("the webhook", lambda: received, 60)
        for headers, body in list(received):
            mac = base64.b64encode(hmac.new(SECRET.encode(), body, hashlib.sha256).digest()).decode()
            assert headers["heroku-webhook-hmac-sha256"] == mac
            told = json.loads(body)
            assert told["resource"] == "release"
            assert told["data"]["app"]["name"] == shop.name

        deliveries = wait_for(
            "a delivery that succeeded",
            lambda: "succeeded" in (text := cli.run("webhooks:deliveries", app=shop.name).stdout) and text,
            60,
        )
        delivery = re.search(r"[0-9a-f]{8}-[0-9a-f-]{27}", deliveries)
        assert delivery, deliveries
        assert "succeeded" in cli.run("webhooks:deliveries:info", delivery[0], app=shop.name).stdout
        event = shop.call("GET", "/webhook-events").json()[0]["id"]
        assert event in cli.run("webhooks:events", app=shop.name).stdout
        assert event in cli.run("webhooks:events:info", event, app=shop.name).stdout
        cli.run("webhooks:update", hook["id"], "-i", "api:dyno", "-l", "notify", "-u", f"{url}2", app=shop.name)
        assert shop.call("GET", f"/webhooks/{hook['id']}").json()["include"] == ["api:dyno"]
        assert "Removing webhook" in cli.run("webhooks:remove", hook["id"], app=shop.name).text
        assert shop.call("GET", "/webhooks").json() == []
        assert "has no webhooks" in cli.run("webhooks", app=shop.name).text
    shop.call("PATCH", "/config-vars", {"HOOKED": None}, 200)


def test_what_leads_into_the_platform_is_refused(cli: HerokuCli, shop: App) -> None:
    for wrong in ("ftp://example.com/x", "https://169.254.169.254/latest"):
        cli.refused("webhooks:add", "-i", "api:release", "-l", "notify", "-u", wrong, app=shop.name)
    assert shop.call("GET", "/webhooks").json() == []
