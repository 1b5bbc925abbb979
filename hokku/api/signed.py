"""URLs that are their own key: a signature of what they open, so that no token is needed to read them (Heroku)."""

from __future__ import annotations

import hashlib
import hmac
import uuid
from functools import cache

from hokku.settings import settings


@cache
def _key() -> bytes:
    first = settings().config_key_file.read_text().split()[0]
    return hashlib.sha256(b"hokku signed url\0" + first.encode()).digest()


def sign(kind: str, identity: uuid.UUID, until: int = 0) -> str:
    """The signature of the thing of that kind; with `until` (seconds since 1970) it is good until then only."""
    return hmac.new(_key(), f"{kind}/{identity}/{until}".encode(), hashlib.sha256).hexdigest()


def fits(signature: str, kind: str, identity: uuid.UUID, until: int = 0) -> bool:
    """Whether the signature is the one of that thing; whether its time is over is for the caller to look at."""
    return hmac.compare_digest(signature.encode(), sign(kind, identity, until).encode())
