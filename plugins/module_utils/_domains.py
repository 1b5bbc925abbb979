# Copyright: The Hokku developers
# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# PRIVATE to the collection: modules of other collections must not import it.

"""Hostnames as the API writes them, and domains as the modules tell them."""

from __future__ import annotations

import re

from ansible_collections.hokku.platform.plugins.module_utils._api import ApiError

_LABEL = r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
_HOSTNAME = re.compile(rf"(?:{_LABEL}\.)+(?!\d+$){_LABEL}")


def hostname(text):
    """The hostname in small letters and ASCII (IDNA), as the API keeps it. Raises ApiError for what cannot be one."""
    name = text.strip().lower().rstrip(".")
    wildcard, name = "*." if name.startswith("*.") else "", name.removeprefix("*.")
    try:
        name = name if name.isascii() else name.encode("idna").decode()
    except UnicodeError:
        name = ""
    if len(wildcard + name) > 253 or not _HOSTNAME.fullmatch(name):
        raise ApiError(
            f"{text[:260]!r} is not a fully qualified domain name. Use one such as www.example.com or *.example.com."
        )
    return wildcard + name


def shown(row):
    """A domain as the modules tell it, from the API's."""
    endpoint = row["sni_endpoint"]
    return {
        "hostname": row["hostname"],
        "kind": row["kind"],
        "cname": row["cname"],
        "certificate": endpoint["name"] if endpoint else None,
    }
