# Copyright: The Hokku developers
# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# PRIVATE to the collection: modules of other collections must not import it.

"""Buildpacks' names as the platform tells them."""

from __future__ import annotations

import re

from ansible_collections.hokku.platform.plugins.module_utils._api import ApiError

REGISTRY = re.compile(r"https://buildpack-registry\.s3\.amazonaws\.com/buildpacks/(heroku/[\w-]+)\.tgz")
GITHUB = re.compile(
    r"https?://github\.com/heroku/heroku-buildpack-(ruby|nodejs|python|java|gradle|php|go|static)(\.git)?/?"
)
NAME = re.compile(r"(?:heroku/)?([a-z][a-z0-9-]*)")
NEITHER = "is neither a name such as heroku/python nor the URL of a git repository or a .tgz."
ALIASES = {"gradle": "java"}  # what the platform answers with the name of another


def canonical(name):
    """The name as the platform tells it. Raises ApiError for what is neither a name nor a URL."""
    registered = REGISTRY.fullmatch(name)
    official = GITHUB.fullmatch(name)
    if official:
        name = f"heroku/{official[1]}"
    short = registered[1] if registered else name.removeprefix("urn:buildpack:")
    known = NAME.fullmatch(short)
    if known:
        return f"heroku/{ALIASES.get(known[1], known[1])}"
    if "://" not in name:
        raise ApiError(f"Buildpack {name!r} {NEITHER}")
    return name
