# Copyright: The Hokku developers
# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# PRIVATE to the collection: modules of other collections must not import it.

"""Drain URLs, which may hold a password or a token: what is wrong with one, and what may be told of it."""

from __future__ import annotations

import re
from ipaddress import ip_address
from urllib.parse import urlsplit

from ansible_collections.hokku.platform.plugins.module_utils._api import ApiError

PORTS = {"syslog": 601, "syslog+tls": 6514, "https": 443, "http": 80}  # of each scheme that is served
LONGEST = 2048  # characters
_LABEL = r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?"
_HOST = re.compile(rf"{_LABEL}(?:\.{_LABEL})*\.?")


def checked(url):
    """The URL as it was given. Raises ApiError, which repeats nothing of it that could be secret."""
    if not url or len(url) > LONGEST:
        raise ApiError(f"A drain's URL has {len(url)} characters: give 1 to {LONGEST}.")
    if any(not 32 < ord(char) < 127 or char == "\\" for char in url):
        raise ApiError(
            "A drain's URL has a space, a backslash, a control character or one beyond ASCII in it: write it "
            "percent-encoded."
        )
    try:
        parts = urlsplit(url)
        port, host = parts.port, parts.hostname or ""
    except ValueError:
        raise ApiError("A drain's URL is not valid: its host or port cannot be read.") from None
    if parts.scheme.lower() not in PORTS:
        raise ApiError(f"A drain's URL has no scheme that is served: use one of {', '.join(f'{n}://' for n in PORTS)}.")
    if port == 0:
        raise ApiError("A drain's URL has port 0: use 1 to 65535.")
    if not _is_host(host):
        raise ApiError("A drain's URL names no host that can be: use one such as logs.example.com.")
    return url


def where(url):
    """What may be told of the URL: `logs.example.com:6514 (syslog+tls)`."""
    parts = urlsplit(url)
    host = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname
    return f"{host}:{parts.port or PORTS.get(parts.scheme.lower())} ({parts.scheme.lower()})"


def shown(row):
    """A drain as the modules tell it, from the API's: without its URL."""
    return {"id": row["id"], "token": row["token"], "where": where(row["url"])}


def _is_host(name):
    try:
        ip_address(name)
    except ValueError:
        return len(name) <= 253 and _HOST.fullmatch(name) is not None
    return True
