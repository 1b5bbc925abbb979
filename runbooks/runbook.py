"""What every task has in common: how it is declared, how it fails, and what ends it."""

from __future__ import annotations

import functools
import os
import sys
from collections.abc import Callable
from typing import Any

from invoke import Argument, Exit, ParseError, Task, task

from runbooks.refusal import Refused

INTERRUPTED = 130  # exit status of what Ctrl-C ended, as shells have it
HELP = {
    "inventory": "Ansible's inventory; else HOKKU_INVENTORY, else what ansible.cfg names",
    "json": "one JSON document instead of text for people",
}


def needed(value: str, what: str, example: str) -> None:
    """Raises Refused where an option was left out. (As Invoke's positional parameters they would eat `--help`.)"""
    if not value:
        raise Refused(f"No {what} is named: {example}.")


class Number(Argument):
    """An option with a number; Invoke would let Python's own error through."""

    def set_value(self, value: Any, cast: bool = True) -> None:
        try:
            super().set_value(value, cast)
        except ValueError:
            raise ParseError(f"--{self.name} is {value!r}: give a whole number, such as 100.") from None


class Runbook(Task):
    """A task whose options never take -h, which is help's."""

    def arg_opts(self, name: str, default: Any, taken_names: set[str]) -> dict[str, Any]:
        return super().arg_opts(name, default, {*taken_names, "h"})

    def get_arguments(self, *words: Any, **options: Any) -> list[Argument]:
        found = super().get_arguments(*words, **options)
        for argument in found:
            if argument.kind is int:
                argument.__class__ = Number
        return found


def runbook(help: dict[str, str] | None = None, **options: Any) -> Callable[[Callable[..., int | None]], Task]:
    """Declares a task. Its body gives the exit status, or None for 0; what it refuses is one line on stderr."""

    def declare(body: Callable[..., int | None]) -> Task:
        @functools.wraps(body)
        def run(context: Any, *words: Any, **options: Any) -> None:
            from runbooks.access import ApiError  # here, for the API's client costs some milliseconds

            if sys.stdout is None:  # closed by the shell
                sys.stdout = open(os.devnull, "w")  # noqa: SIM115
            try:
                status = body(context, *words, **options)
                sys.stdout.flush()
            except (Refused, ApiError) as error:
                raise Exit(f"fab {body.__name__}: {error}", 1) from None
            except KeyboardInterrupt:
                raise Exit(code=INTERRUPTED) from None
            except BrokenPipeError:  # `fab tail … | head`
                os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
                raise Exit(code=0) from None
            except OSError as error:
                where = f"{error.filename}: " if error.filename else ""
                raise Exit(f"fab {body.__name__}: {where}{error.strerror or error}.", 1) from None
            if status:
                raise Exit(code=status)

        taken = {name: HELP[name] for name in HELP if name in body.__code__.co_varnames[: body.__code__.co_argcount]}
        return task(klass=Runbook, help=taken | (help or {}), **options)(run)

    return declare
