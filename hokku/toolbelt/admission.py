"""What the listener lets in, and where it goes: decided from the request alone.

A request is let in with this run's key as its token, or by a path that begins with a secret the listener gave out.
"""

from __future__ import annotations

import base64
import binascii
import hmac
import re
import secrets
from collections.abc import Iterable
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from hokku.toolbelt.platforms import Platform

Headers = list[tuple[bytes, bytes]]
_OF_THE_CONNECTION = {  # RFC 9110, 7.6.1; and `Host`, which is the platform's
    b"connection", b"keep-alive", b"proxy-authenticate", b"proxy-authorization", b"proxy-connection", b"te", b"trailer",
    b"upgrade", b"host", b"expect",
}  # fmt: skip
_SECRET = re.compile(r"/([A-Za-z0-9_-]{43})(?=[/?]|$)")


@dataclass(frozen=True)
class Refusal:
    """Why a request is not let in; `id` and `status` are Heroku's."""

    status: int
    id: str
    message: str


@dataclass(frozen=True)
class Route:
    """A request as it goes on: to which server, for what, with which headers. `login`: its answer brings a token."""

    origin: tuple[str, int]
    target: str
    headers: Headers
    api: bool = True
    login: bool = False


@dataclass
class Admission:
    """The secrets of one run. `url` is the listener's own."""

    platform: Platform
    url: str
    key: str = field(default_factory=lambda: f"HOKKU-run-{secrets.token_urlsafe(32)}")
    login: str = field(default_factory=lambda: secrets.token_urlsafe(32))
    open: str = field(default_factory=lambda: secrets.token_urlsafe(32))
    _carried: dict[str, str] = field(default_factory=dict)  # URL -> secret
    _urls: dict[str, str] = field(default_factory=dict)  # secret -> URL

    def carry(self, url: str) -> str:
        """The listener's URL for `url`, which carries a secret of its own."""
        secret = self._carried.get(url)
        if secret is None:
            secret = self._carried[url] = secrets.token_urlsafe(32)
            self._urls[secret] = url
        query = urlsplit(url).query  # older CLIs read `tail=true` in it
        return f"{self.url}/{secret}" + (f"?{query}" if query else "")

    def carried(self, body: bytes) -> bytes:
        """`body` with the listener's URLs in it replaced by those they stand for."""
        pattern = re.escape(self.url.encode()) + rb"/([A-Za-z0-9_-]{43})(\?[^\"\\\s]*)?"
        return re.sub(pattern, lambda found: self._urls.get(found[1].decode(), found[0].decode()).encode(), body)

    def route(self, target: str, headers: Iterable[tuple[bytes, bytes]]) -> Route | Refusal:
        """Where a request goes, or why it goes nowhere."""
        kept = [(name, value) for name, value in headers if name.lower() not in _OF_THE_CONNECTION]
        found = _SECRET.match(target)
        if found is None:
            return self._to_the_api(target, kept)
        secret, rest = found[1], target[found.end() :]
        if hmac.compare_digest(secret, self.login):
            return self._to_a_login(rest, kept)
        if hmac.compare_digest(secret, self.open):
            return self._as_the_user(rest or "/", [pair for pair in kept if pair[0].lower() != b"authorization"])
        url = self._urls.get(secret)
        if url is None or rest.startswith("/"):
            return _STRANGER
        parts = urlsplit(url)
        query = rest or (f"?{parts.query}" if parts.query else "")
        origin = (parts.hostname or "", parts.port or 443)
        return Route(origin, parts.path + query, _with_host(kept, parts.netloc), api=False)

    def _to_the_api(self, target: str, headers: Headers) -> Route | Refusal:
        given = next((value.decode("latin-1") for name, value in headers if name.lower() == b"authorization"), "")
        if target.startswith("/") and self._holds_key(given):
            return self._as_the_user(target, [pair for pair in headers if pair[0].lower() != b"authorization"])
        return _STRANGER

    def _holds_key(self, header: str) -> bool:
        """Whether the token of an Authorization header, Bearer or Basic, is this run's key or the user's own."""
        scheme, _, token = header.partition(" ")
        token = token.strip()
        if scheme.lower() == "basic":
            try:
                token = base64.b64decode(token, validate=True).decode().partition(":")[2]
            except (binascii.Error, UnicodeDecodeError):
                return False
        known = (self.key, self.platform.token) if self.platform.token else (self.key,)
        return any(hmac.compare_digest(token.encode(), one.encode()) for one in known)

    def _as_the_user(self, target: str, headers: Headers) -> Route | Refusal:
        if self.platform.token is None:
            return Refusal(401, "unauthorized", f"You are not logged in. Run: hokku login {self.platform.url}")
        headers = [*headers, (b"Authorization", f"Bearer {self.platform.token}".encode())]
        return Route(self.platform.origin, target, _with_host(headers, self.platform.host))

    def _to_a_login(self, path: str, headers: Headers) -> Route | Refusal:
        if path != "/oauth/authorizations":
            return Refusal(422, "invalid_params", "This platform has no login by browser. Run: heroku login -i")
        return Route(self.platform.origin, path, _with_host(headers, self.platform.host), login=True)


_STRANGER = Refusal(403, "forbidden", "This listener belongs to one run of `hokku heroku`.")


def _with_host(headers: Headers, host: str) -> Headers:
    return [(b"Host", host.encode()), *headers]
