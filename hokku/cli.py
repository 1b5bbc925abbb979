"""One command: `hokku login`, `hokku heroku …` on a user's computer; `hokku api|manifold|…` run the services.

Each command imports its room only when it runs. What OpenSSH and git call is `hokku.source.program`: it starts faster.
"""

from __future__ import annotations

import logging
import os
import socket
import sys
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Annotated

import typer

from hokku import __version__
from hokku.errors import HokkuError

_SERVICES = "Services of a platform's hosts (package extra: server)"
_OPTIONS_ARE_THEIRS = {"ignore_unknown_options": True, "allow_extra_args": True, "help_option_names": []}

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="A Heroku of your own. Log in once, then use Heroku's CLI and git as ever.",
)
admin = typer.Typer(no_args_is_help=True, help="What the control role does on a control host.")
app.add_typer(admin, name="admin", rich_help_panel=_SERVICES)


class ServerMissing(HokkuError):
    """A service was asked for where only the toolbelt is installed."""


def _room(name: str) -> ModuleType:
    """The module of a service; raises ServerMissing where its packages are not installed."""
    try:
        return import_module(name)
    except ModuleNotFoundError as error:
        if (error.name or "hokku").split(".")[0] == "hokku":
            raise
        raise ServerMissing(
            f"This is a command of a platform's hosts, and its package {error.name} is not installed here. "
            "Install them all, in Hokku's source tree, with: pip install '.[server]'"
        ) from None


def _serve(room: str) -> None:
    logging.basicConfig(level=logging.INFO, stream=sys.stderr, format="%(levelname)s %(name)s %(message)s")
    service = sys.argv[1] if len(sys.argv) > 1 else room
    os.environ.setdefault("PGAPPNAME", f"hokku-{service}@{socket.gethostname()}")  # who PostgreSQL is connected to
    for chatty in ("httpcore", "httpx", "urllib3", "ws4py", "alembic"):
        logging.getLogger(chatty).setLevel(logging.WARNING)
    _room(room).main()


@app.callback()
def choose(
    platform: Annotated[
        str | None, typer.Option(help="Which platform, if not the last login's.", metavar="URL")
    ] = None,
) -> None:
    """A Heroku of your own. Log in once, then use Heroku's CLI and git as ever."""
    if platform:
        os.environ["HOKKU_PLATFORM"] = platform


@app.command()
def login(
    url: Annotated[str, typer.Argument(help="Where the platform's API is: https://HOST[:PORT].")],
    email: Annotated[
        str | None, typer.Option(help="Who logs in. Without a terminal the password is read from stdin.")
    ] = None,
    ca_file: Annotated[Path | None, typer.Option(help="The platform's CA in PEM, if it has one of its own.")] = None,
) -> None:
    """Log in to a platform: for `hokku heroku …` and for git."""
    made = import_module("hokku.toolbelt.login").login(url, email, ca_file)
    typer.echo(f"Logged in to {made.url} as {made.email}")


@app.command()
def logout() -> None:
    """Take this login's token back, and forget it."""
    typer.echo(f"Logged out of {import_module('hokku.toolbelt.login').logout().url}")


@app.command()
def whoami() -> None:
    """Print the email of the account."""
    typer.echo(import_module("hokku.toolbelt.login").whoami())


@app.command(context_settings=_OPTIONS_ARE_THEIRS)
def heroku(context: typer.Context) -> None:
    """Run Heroku's official CLI against the platform (alias heroku='hokku heroku')."""
    raise SystemExit(import_module("hokku.toolbelt.heroku").heroku(context.args))


@app.command(hidden=True)
def git_credentials(operation: str) -> None:
    """Answer git's question for a platform's password."""
    import_module("hokku.toolbelt.git").credentials([operation], sys.stdin, sys.stdout)


@app.command()
def version() -> None:
    """Print the version."""
    typer.echo(__version__)


@app.command(rich_help_panel=_SERVICES)
def api() -> None:
    """Run the Platform API and git over HTTPS."""
    _serve("hokku.api.serve")


@app.command(rich_help_panel=_SERVICES)
def manifold() -> None:
    """Run the dyno manifold (one acts, others wait to take over)."""
    _serve("hokku.manifold.run")


@app.command(rich_help_panel=_SERVICES)
def builder() -> None:
    """Run the slug compiler."""
    _serve("hokku.build.worker")


@app.command(rich_help_panel=_SERVICES)
def logplex() -> None:
    """Run the logplex: the mover of lines and the log streams."""
    _serve("hokku.logplex.serve")


@app.command(rich_help_panel=_SERVICES)
def courier() -> None:
    """Run the courier: log drains and webhooks."""
    _serve("hokku.courier")


@app.command()
def rendezvous() -> None:
    """Run the rendezvous: terminals of one-off dynos."""
    _serve("hokku.oneoff.serve")


@admin.command()
def prepare(
    email: Annotated[str, typer.Option(help="The first account's email.")],
    password_file: Annotated[Path, typer.Option(help="A file that holds its password.")],
    token_file: Annotated[Path, typer.Option(help="A file that holds its API token.")],
) -> None:
    """Have the database in this version's schema, and the first account with this password and token.

    Prints for each of the two whether it was `changed` or `unchanged`.
    """
    told = {True: "changed", False: "unchanged"}
    typer.echo(f"schema {told[_room('hokku.store.migrate').upgrade()]}")
    secrets = (file.read_text().strip() for file in (password_file, token_file))
    typer.echo(f"account {told[_room('hokku.api.bootstrap').bootstrap(email, *secrets)]}")


@admin.command()
def roll_stacks(
    apps: Annotated[
        list[str] | None, typer.Option("--app", help="This app alone, not all; may be given again.", metavar="APP")
    ] = None,
) -> None:
    """Release apps again on the newest image of their stack, if they run on another; prints them, and `changed` or not.

    Each is rolled out as any release: what ran serves until the new dynos do.
    """
    changed = False
    for done in _room("hokku.manifold.restack").roll(apps or ()):
        typer.echo(f"{done.app} gets the newest image of {done.stack} with v{done.version}")
        changed = True
    typer.echo("changed" if changed else "unchanged")


def main() -> None:
    """Entry point: a HokkuError becomes one line on stderr and exit status 1."""
    try:
        app()
    except HokkuError as error:
        typer.echo(f" !    {error.message}", err=True)
        raise SystemExit(1) from None
