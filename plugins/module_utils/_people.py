# Copyright: The Hokku developers
# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# PRIVATE to the collection: modules of other collections must not import it.

"""Accounts: their emails, and how the modules tell them."""

from __future__ import annotations

import re

from ansible_collections.hokku.platform.plugins.module_utils._api import ApiError

_EMAIL = re.compile(r"[!-?A-~]{1,64}@[A-Za-z0-9.-]{1,190}")


def email(text):
    """The email in small letters: an account is the same whatever the case. Raises ApiError for what is none."""
    if not _EMAIL.fullmatch(text.strip()):
        raise ApiError(f"{text[:260]!r} is not an email address.")
    return text.strip().lower()


def account(row):
    """An account as the modules tell it, from the API's."""
    return {name: row[name] for name in ("id", "email", "name", "created_at", "updated_at")}


def collaborator(row):
    """A collaborator as the modules tell them, from the API's."""
    return {"email": row["user"]["email"], "since": row["created_at"]}
