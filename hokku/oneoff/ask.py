"""Asking for a one-off dyno or for a command in a running one: the rules, and the wish that is written down."""

from __future__ import annotations

import re
import secrets
import uuid
from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy.orm import Session

from hokku.errors import InvalidParams
from hokku.settings import settings
from hokku.store import apps, oneoffs, terminals
from hokku.store.engine import WANTED, notify
from hokku.store.oneoffs import TOLD, Oneoff, Order
from hokku.store.tables import App, Dyno, Release

RUN = "run"
MOST = 50  # living one-off dynos of one app, and commands in its running dynos
LONGEST = 86400  # seconds a one-off dyno may live (Heroku), and does unless told otherwise
_WORD = re.compile(r"\s*([-\w]{1,128})(?=[\s;]|$)")
_TELL = re.compile(rf'\s*; echo "{TOLD}\$\?"\s*$')  # what the CLI appends for --exit-code
_TYPE = re.compile(r"[-\w]{1,128}")
_NUMBERS = range(1000, 10000)  # four digits (Heroku)
_ENV = 64 * 1024  # bytes of command and environment together


@dataclass(frozen=True)
class Asked:
    """The wish, and the secret of its terminal when it is attached."""

    oneoff: Oneoff
    secret: str | None


def order(command: str, env: Mapping[str, object] | None, process_types: Mapping[str, str]) -> Order:
    """What is to be run: a Procfile's type as the first word stands for that type's command (Heroku).

    Raises InvalidParams for what cannot be run.
    """
    if not command.strip():
        raise InvalidParams("The command is empty. Say what to run: heroku run bash.")
    told = _TELL.search(command)
    command = command[: told.start()] if told else command
    word = _WORD.match(command)
    if word and word[1] in process_types:
        command = process_types[word[1]] + command[word.end() :]
    texts = {name: value if isinstance(value, str) else str(value) for name, value in (env or {}).items()}
    for name, value in texts.items():
        if not name or "=" in name or "\0" in name or "\0" in value:
            raise InvalidParams(f"{name[:80]!r} cannot be set in a dyno's environment.")
    try:
        size = len(command.encode()) + sum(len(name.encode()) + len(value.encode()) for name, value in texts.items())
    except UnicodeEncodeError:
        raise InvalidParams("The command or the environment is not valid Unicode text.") from None
    if "\0" in command or size > _ENV:
        raise InvalidParams(f"Command and environment must be text of at most {_ENV // 1024} KiB together.")
    return Order(command, texts, bool(told))


def kind(wanted: str | None) -> str:
    """The type of a one-off dyno; raises InvalidParams."""
    if wanted is not None and not _TYPE.fullmatch(wanted):
        raise InvalidParams(f"{wanted[:140]!r} is not a process type. Leave it out, or name one of the Procfile's.")
    if wanted == "web":
        raise InvalidParams("A one-off dyno cannot be of the type web: leave the type out (heroku run web).")
    return wanted or RUN


def ask(
    opened: Session,
    app: App,
    release: Release,
    wanted: Order,
    *,
    account_id: uuid.UUID | None,
    type: str = RUN,
    size: str | None = None,
    attach: bool = False,
    tty: bool = False,
    secret: bool = True,
    time_to_live: int = LONGEST,
) -> Asked:
    """Write the wish for a one-off dyno of the release down; the manifold takes it up once this is committed.

    `attach`: the command is executed for a client that comes with the secret or, without `secret`, for `work.attend`.
    Raises InvalidParams when the app has as many as it may have.
    """
    apps.lock(opened, app.id)  # numbers have no twins
    living = oneoffs.living(opened, app.id)
    if len(living) >= MOST:
        raise InvalidParams(f"{app.name} has {MOST} one-off dynos already. Stop one first: heroku ps:stop run.1234.")
    number = secrets.choice(sorted(set(_NUMBERS) - oneoffs.taken_numbers(opened, app.id)))
    row = Oneoff(
        app_id=app.id, release_id=release.id, account_id=account_id, type=type, number=number,
        size=size or settings().default_size, sealed=oneoffs.seal(wanted), attach=attach,
        time_to_live=max(1, min(time_to_live, LONGEST)),
    )  # fmt: skip
    opened.add(row)
    opened.flush()
    word = None
    if attach:
        word = terminals.create(opened, app.id, row.id, account_id, row.sealed, tty=tty, own=True, secret=secret)
    notify(opened, WANTED, app.id)
    return Asked(row, word)


def enter(opened: Session, app: App, dyno: Dyno, wanted: Order, *, account_id: uuid.UUID | None, tty: bool) -> str:
    """Write down that a command is to be executed in a dyno that is up; the secret for the client that comes.

    Raises InvalidParams when the app has as many as it may have.
    """
    apps.lock(opened, app.id)  # two at once count each other
    if terminals.inside(opened, app.id) >= MOST:
        raise InvalidParams(f"{app.name} has {MOST} commands in its dynos already. End one of them first.")
    sealed = oneoffs.seal(wanted)
    word = terminals.create(opened, app.id, dyno.id, account_id, sealed, tty=tty, own=False)
    assert word is not None
    return word


def attach_url(secret: str) -> str:
    """Where a client comes with the secret."""
    return f"{settings().rendezvous_url.rstrip('/')}/{secret}"


def wants_tty(env: Mapping[str, object] | None, force_no_tty: bool | None) -> bool:
    """Whether the client is at a terminal: the CLI says its size then. One whose output is a file gets it unchanged."""
    return not force_no_tty and bool(env) and ("COLUMNS" in env or "LINES" in env)
