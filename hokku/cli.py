"""One command: `hokku api|manifold|builder|logplex` run the services, `hokku admin …` serves the control role.

Each command imports its room only when it runs. What OpenSSH and git call is `hokku.source.program`: it starts faster.
"""

from __future__ import annotations

import logging
import sys
from importlib import import_module
from pathlib import Path
from typing import Annotated

import typer

from hokku import __version__
from hokku.errors import HokkuError

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False, help=__doc__)
admin = typer.Typer(no_args_is_help=True, help="What the control role does on a control host.")
app.add_typer(admin, name="admin")


def _serve(room: str) -> None:
    logging.basicConfig(level=logging.INFO, stream=sys.stderr, format="%(levelname)s %(name)s %(message)s")
    for chatty in ("httpx", "urllib3", "ws4py", "alembic"):
        logging.getLogger(chatty).setLevel(logging.WARNING)
    import_module(room).main()


@app.command()
def version() -> None:
    """Print the version."""
    typer.echo(__version__)


@app.command()
def api() -> None:
    """Run the Platform API and git over HTTPS."""
    _serve("hokku.api.serve")


@app.command()
def manifold() -> None:
    """Run the dyno manifold (one acts, others wait to take over)."""
    _serve("hokku.manifold.run")


@app.command()
def builder() -> None:
    """Run the slug compiler."""
    _serve("hokku.build.worker")


@app.command()
def logplex() -> None:
    """Run the logplex: the mover of lines and the log streams."""
    _serve("hokku.logplex.serve")


@admin.command()
def migrate() -> None:
    """Bring the database to this version's schema; prints `changed` or `unchanged`."""
    typer.echo("changed" if import_module("hokku.store.migrate").upgrade() else "unchanged")


@admin.command()
def bootstrap(
    email: Annotated[str, typer.Option(help="The first account's email.")],
    password_file: Annotated[Path, typer.Option(help="A file that holds its password.")],
    token_file: Annotated[Path, typer.Option(help="A file that holds its API token.")],
) -> None:
    """Make the first account, or bring it to the given password and token; prints `changed` or `unchanged`."""
    changed = import_module("hokku.api.bootstrap").bootstrap(
        email, password_file.read_text().strip(), token_file.read_text().strip()
    )
    typer.echo("changed" if changed else "unchanged")


def main() -> None:
    """Entry point: a HokkuError becomes one line on stderr and exit status 1."""
    try:
        app()
    except HokkuError as error:
        typer.echo(f" !    {error.message}", err=True)
        raise SystemExit(1) from None
