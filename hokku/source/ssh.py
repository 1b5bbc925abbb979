"""git over SSH: which key is whose, and what its owner may run. OpenSSH does the rest."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path
from urllib.parse import quote

from hokku.source import repository, request
from hokku.source.door import Door, Refused, Unreachable
from hokku.source.place import Place, place


def authorized_keys(args: list[str]) -> int:
    """AuthorizedKeysCommand with the arguments `%f %t %k` (fingerprint, type, blob): prints the line of a known key.

    An unknown key gets no line, so that the client offers its next one; PAM tells who has run out of keys what to do.
    """
    if len(args) != 3:
        print("hokku: AuthorizedKeysCommand needs %f %t %k", file=sys.stderr)
        return 2
    offered, kind, blob = args
    if request.fingerprint(blob) != offered:
        return 0
    here = place()
    try:
        _platform(here).call("GET", f"/internal/git/keys?fingerprint={quote(offered, safe='')}")
    except Refused as refused:
        if refused.status != 404:
            print(f"hokku: {refused.message}", file=sys.stderr)
        return 0
    except Unreachable as error:
        print(f"hokku: the API does not answer: {error}", file=sys.stderr)
        return 1
    print(f"restrict {kind} {blob}")
    return 0


def receive(args: list[str]) -> int:
    """Login shell and ForceCommand: becomes git for one app of the key's owner, or prints one sentence.

    `args` is ignored: what the client asked for stands in SSH_ORIGINAL_COMMAND, which sshd sets.
    """
    asked = request.parse(os.environ.get("SSH_ORIGINAL_COMMAND", ""))
    if asked is None:
        return _refuse(request.NO_SHELL)
    key = _session_key()
    if key is None:
        return _refuse(request.UNKNOWN_KEY)
    if not request.names_an_app(asked.app):
        return _refuse(request.no_such_app(asked.app))
    here, client = place(), request.client(os.environ.get("SSH_CONNECTION", ""))
    try:
        wanted = {"fingerprint": key, "app": asked.app, "address": client}
        session = _platform(here).call("POST", "/internal/git/sessions", wanted)
    except Refused as refused:
        return _refuse(request.no_such_app(asked.app) if refused.status == 404 else refused.message)
    except Unreachable:
        return _refuse(request.UNREACHABLE)
    where = repository.ensure(here.git_dir, session["app_id"])
    environment = repository.environment(
        HOKKU_APP_ID=session["app_id"],
        HOKKU_APP=session["app_name"],
        HOKKU_TOKEN=session["token"],
        HOKKU_CLIENT=client,
    )
    if "GIT_PROTOCOL" in os.environ:
        environment["GIT_PROTOCOL"] = os.environ["GIT_PROTOCOL"]
    os.umask(0o007)  # repositories are their group's
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)  # as git expects it, and not as Python set it
    os.execvpe("git", ["git", asked.service, str(where)], environment)


def _platform(here: Place) -> Door:
    return Door(here, here.git_token_file.read_text().strip(), timeout=10)


def _session_key() -> str | None:
    try:
        return request.fingerprint_of_session(Path(os.environ["SSH_USER_AUTH"]).read_text())
    except (KeyError, OSError):
        return None


def _refuse(sentence: str) -> int:
    print(request.bang(sentence), file=sys.stderr)
    return 1
