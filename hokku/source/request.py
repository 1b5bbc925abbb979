"""What a client may ask over SSH, and the sentences for what it may not. Pure."""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from dataclasses import dataclass

NAME = re.compile(r"[a-z][a-z0-9-]{1,28}[a-z0-9]")
_COMMAND = re.compile(
    r"git[ -](?P<service>receive-pack|upload-pack) (?P<quote>'?)/?(?P<path>[^'\\\s]{1,200})(?P=quote)"
)

UNKNOWN_KEY = "This SSH key is not known to the platform: add it with `heroku keys:add`."
NO_SHELL = "This is a git server and has no shell: use `git push` with the app's git URL."
UNREACHABLE = "The platform's API does not answer. Nothing was changed: try again in a moment."


@dataclass(frozen=True)
class Request:
    """`service` is receive-pack or upload-pack; `app` is what stood before `.git`, as the client wrote it."""

    service: str
    app: str


def parse(command: str) -> Request | None:
    """The request in what git sends as SSH's command, or None when it is anything else (a shell, scp, …)."""
    found = _COMMAND.fullmatch(command)
    if found is None:
        return None
    return Request(found["service"], found["path"].rstrip("/").removesuffix(".git"))


def names_an_app(text: str) -> bool:
    """Whether `text` can be the name of an app at all."""
    return NAME.fullmatch(text) is not None


def client(connection: str) -> str:
    """The client's address in what sshd sets as SSH_CONNECTION, or nothing."""
    return connection.split(" ")[0]


def no_such_app(name: str) -> str:
    """The sentence for an app that does not exist, and for somebody else's: they must not differ."""
    return f"Couldn't find that app: {printable(name)}. `heroku apps` lists those you have."


def printable(text: str) -> str:
    """A user's text made safe for a terminal: control characters are replaced, long text is cut."""
    return "".join(char if char.isprintable() else "?" for char in text[:80])


def bang(sentence: str) -> str:
    """A refusal as Heroku prints it."""
    return f" !     {sentence}"


def fingerprint(blob: str) -> str | None:
    """`SHA256:…` of a base64 key blob, as `ssh-keygen -lf` prints it."""
    try:
        raw = base64.b64decode(blob, validate=True)
    except (binascii.Error, ValueError):
        return None
    return "SHA256:" + base64.b64encode(hashlib.sha256(raw).digest()).decode().rstrip("=")


def fingerprint_of_session(auth_info: str) -> str | None:
    """The fingerprint of the key in what sshd writes for `ExposeAuthInfo`: lines `publickey TYPE BLOB`."""
    for line in auth_info.splitlines():
        method, _, rest = line.partition(" ")
        words = rest.split()
        if method == "publickey" and len(words) >= 2:
            return fingerprint(words[1])
    return None
