"""Whose an app is: collaborators see and push and do nothing else; an app changes hands."""

from __future__ import annotations

from official_cli import HerokuCli, Person
from platform_client import App
from sources import web


def test_a_collaborator_sees_and_pushes_and_does_nothing_else(
    cli: HerokuCli, guest_cli: HerokuCli, guest: Person, fresh: App
) -> None:
    name = fresh.name
    assert "Couldn't find that app." in guest_cli.refused("info", app=name)
    added = cli.run("access:add", guest.email, app=name)
    assert f"Adding {guest.email} access to the app {name}... done" in added.text
    shown = cli.run("access", app=name).stdout
    assert guest.email in shown
    assert "collaborator" in shown

    assert name in guest_cli.run("apps").stdout
    for arguments in (("info",), ("ps",), ("config",), ("releases",), ("logs",), ("domains",)):
        guest_cli.run(*arguments, app=name)
    repository = fresh.repository(web("shared"))
    remote = f"https://heroku:{guest.token}@{fresh.platform.git_host}/{name}.git"
    pushed = fresh.platform.git(repository, "push", remote, "main", check=False)
    assert "Verifying deploy... done." in pushed.stdout
    version = fresh.release()["version"]
    for arguments in (
        ("config:set", "FROG=jumps"),
        ("ps:scale", "web=2"),
        ("ps:restart",),
        ("maintenance:on",),
        ("domains:add", "www.guest.example.org"),
        ("access:add", "admin@example.com"),
        ("drains:add", "syslog://10.213.77.1:5140"),
        ("rollback", "v2"),
        ("apps:rename", f"{name}-mine"),
        ("destroy", "--confirm", name),
    ):
        said = guest_cli.refused(*arguments, app=name)
        assert f"Only the owner of {name} may do this." in said, arguments
    assert fresh.release()["version"] == version
    assert fresh.get().body.startswith("shared")

    removed = cli.run("access:remove", guest.email, app=name)
    assert f"Removing {guest.email} access from the app {name}... done" in removed.text
    assert "Couldn't find that app." in guest_cli.refused("info", app=name)
    assert not fresh.platform.git(repository, "push", remote, "main", check=False).stdout.count("Verifying deploy")


def test_somebody_without_an_account_cannot_be_added(cli: HerokuCli, fresh: App) -> None:
    assert "nobody@example.com" in cli.refused("access:add", "nobody@example.com", app=fresh.name)


def test_an_app_changes_hands(cli: HerokuCli, guest_cli: HerokuCli, guest: Person, fresh: App) -> None:
    given = cli.run("apps:transfer", guest.email, app=fresh.name)
    assert guest.email in given.text
    assert fresh.call("GET").json()["owner"]["email"] == guest.email
    assert fresh.name in guest_cli.run("apps").stdout
    # who gave it stays a collaborator, and collaborators get an app at once; to others it is an offer
    guest_cli.run("access:remove", "admin@example.com", app=fresh.name)
    offered = guest_cli.run("apps:transfer", "admin@example.com", app=fresh.name)
    assert "admin@example.com" in offered.text
    assert fresh.call("GET").json()["owner"]["email"] == guest.email
    transfers = fresh.platform.call("GET", "/account/app-transfers").json()
    offer = next(t for t in transfers if t["app"]["name"] == fresh.name and t["state"] == "pending")
    fresh.platform.call("PATCH", f"/account/app-transfers/{offer['id']}", {"state": "accepted"}, 200)
    assert fresh.call("GET").json()["owner"]["email"] == "admin@example.com"


def test_somebody_leaves_an_app(cli: HerokuCli, guest_cli: HerokuCli, guest: Person, fresh: App) -> None:
    cli.run("access:add", guest.email, app=fresh.name)
    guest_cli.run("apps:leave", app=fresh.name)
    assert guest.email not in cli.run("access", app=fresh.name).stdout
