"""A tenant's URL, taken apart once: what is checked is what is connected to. Pure."""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from ipaddress import ip_address
from urllib.parse import unquote, urlsplit

from hokku.errors import InvalidParams

MOST = 2048  # characters
_LABEL = r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?"
_HOST = re.compile(rf"{_LABEL}(?:\.{_LABEL})*\.?")


@dataclass(frozen=True)
class Url:
    """`path` has the query, too. Credentials are never in its repr."""

    scheme: str
    host: str
    port: int
    path: str = "/"
    user: str = field(default="", repr=False)
    password: str = field(default="", repr=False)
    default_port: bool = True

    @property
    def authority(self) -> str:
        """Host and port as in a Host header."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.default_port else f"{host}:{self.port}"

    @property
    def authorization(self) -> str | None:
        """The Authorization header that the URL's credentials come to."""
        if not self.user and not self.password:
            return None
        return "Basic " + base64.b64encode(f"{self.user}:{self.password}".encode()).decode()


def parse(text: str, schemes: Mapping[str, int]) -> Url:
    """The URL; `schemes` are served, each with its port. Raises InvalidParams, which repeats no credentials."""
    names = ", ".join(f"{name}://" for name in schemes)
    if not text or len(text) > MOST:
        raise InvalidParams(f"The URL must have 1 to {MOST} characters.")
    if any(not 32 < ord(char) < 127 or char == "\\" for char in text):
        raise InvalidParams(
            "The URL has a space, a backslash, a control character or one beyond ASCII in it. Write it percent-encoded."
        )
    try:
        parts = urlsplit(text)
        port, host = parts.port, parts.hostname or ""
    except ValueError:
        raise InvalidParams("The URL is not valid: its host or port cannot be read.") from None
    scheme = parts.scheme.lower()
    if scheme not in schemes:
        raise InvalidParams(f"{scheme or 'No scheme'} is not a scheme that is served. Use one of {names}.")
    if port == 0:
        raise InvalidParams("The URL's port is 0: use 1 to 65535.")
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return Url(
        scheme,
        _host(host),
        port or schemes[scheme],
        path,
        unquote(parts.username or ""),
        unquote(parts.password or ""),
        port in (None, schemes[scheme]),
    )


def _host(name: str) -> str:
    try:
        return str(ip_address(name))
    except ValueError:
        pass
    if len(name) > 253 or not _HOST.fullmatch(name):
        raise InvalidParams("The URL names no host that can be: use one such as logs.example.com.")
    return name
