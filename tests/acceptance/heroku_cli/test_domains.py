"""Domains: added, answered, taken away."""

from __future__ import annotations

from official_cli import HerokuCli
from platform_client import App, wait_for


def test_add_list_info_and_remove(cli: HerokuCli, shop: App) -> None:
    hostname = f"www.{shop.name}.example.org"
    added = cli.run("domains:add", hostname, app=shop.name)
    assert hostname in added.text
    wait_for("the domain", lambda: shop.platform.get(hostname).body.startswith("shop"))
    listed = cli.run("domains", app=shop.name).stdout
    assert f"{shop.name} Heroku Domain" in listed
    assert shop.host in listed
    assert f"{shop.name} Custom Domains" in listed
    assert hostname in listed
    assert hostname in cli.run("domains:info", hostname, app=shop.name).text
    assert "already" in cli.refused("domains:add", hostname, app=shop.name)
    removed = cli.run("domains:remove", hostname, app=shop.name)
    assert f"Removing {hostname} from {shop.name}... done" in removed.text
    wait_for("the domain gone", lambda: shop.platform.get(hostname).status == 404)
    assert hostname not in cli.run("domains", app=shop.name).stdout


def test_what_is_no_hostname_is_refused(cli: HerokuCli, shop: App) -> None:
    before = shop.call("GET", "/domains").json()
    for wrong in ("not_a host", "-x.example.org", "a..b"):
        cli.refused("domains:add", wrong, app=shop.name)
    assert "Couldn't find that domain" in cli.refused("domains:remove", "nobody.example.org", app=shop.name)
    assert shop.call("GET", "/domains").json() == before


def test_wait_returns_and_clear_takes_away_all_but_the_apps_own(cli: HerokuCli, fresh: App) -> None:
    hostnames = [f"{label}.{fresh.name}.example.org" for label in ("www", "*")]
    for hostname in hostnames:
        cli.run("domains:add", hostname, app=fresh.name)
    cli.run("domains:wait", hostnames[0], app=fresh.name)
    assert {d["hostname"] for d in fresh.call("GET", "/domains").json()} == {fresh.host, *hostnames}
    assert "Removing all domains" in cli.run("domains:clear", app=fresh.name).text
    assert [d["hostname"] for d in fresh.call("GET", "/domains").json()] == [fresh.host]
