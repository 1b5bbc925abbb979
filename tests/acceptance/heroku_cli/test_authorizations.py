"""Tokens by authorizations:*."""

from __future__ import annotations

import json
import re

from official_cli import HerokuCli
from platform_client import App, Platform


def test_create_info_update_rotate_and_revoke(cli: HerokuCli, platform: Platform) -> None:
    def status(token: str) -> int:
        return platform.http.get("/apps", headers={"Authorization": f"Bearer {token}"}).status_code

    made = json.loads(cli.run("authorizations:create", "-d", "for the robot", "-e", "3600", "--json").stdout)
    token, identity = made["access_token"]["token"], made["id"]
    assert status(token) == 200
    assert cli.run("authorizations:create", "--short", "-d", "short").stdout.strip().startswith("HOKKU-")
    listed = cli.run("authorizations").stdout
    assert "for the robot" in listed
    assert token not in listed
    info = cli.run("authorizations:info", identity).stdout
    assert "for the robot" in info
    assert token not in info
    assert "for the frog" in cli.run("authorizations:update", identity, "-d", "for the frog").text
    rotated = cli.run("authorizations:rotate", identity).stdout
    new = re.search(r"Token:\s+(\S+)", rotated)
    assert new, rotated
    assert status(token) == 401
    assert status(new[1]) == 200
    assert "done" in cli.run("authorizations:revoke", identity).text
    assert status(new[1]) == 401
    for left in platform.call("GET", "/oauth/authorizations").json():
        if left["description"] == "short":
            platform.call("DELETE", f"/oauth/authorizations/{left['id']}", status=200)


def test_a_scoped_token_keeps_to_its_scope(cli: HerokuCli, platform: Platform, shop: App) -> None:
    made = json.loads(cli.run("authorizations:create", "-s", "read-protected", "-d", "reader", "--json").stdout)
    reader = cli.having(HEROKU_API_KEY=made["access_token"]["token"])
    try:
        reader.run("config", app=shop.name)
        reader.refused("create", "--no-remote", "not-for-readers")
        assert platform.call("GET", "/apps/not-for-readers").status_code == 404
    finally:
        cli.run("authorizations:revoke", made["id"])
