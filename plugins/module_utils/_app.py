# Copyright: The Hokku developers
# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# PRIVATE to the collection: modules of other collections must not import it.

"""What an app is, as the modules tell it: the API's answers without what nobody asked for.

What can be secret in a URL (user, password, query) is masked unless `secrets` says otherwise.
"""

from __future__ import annotations

import re
from urllib.parse import urlsplit

from ansible_collections.hokku.platform.plugins.module_utils._api import ApiError, path
from ansible_collections.hokku.platform.plugins.module_utils._platform import MASK

NAME = re.compile(r"[a-z][a-z0-9-]{1,28}[a-z0-9]")


def checked_name(name, option="name"):
    """The name, if an app may have it. Raises ApiError with the rule."""
    if not NAME.fullmatch(name):
        raise ApiError(
            f"{option} is {name!r}: an app's name has 3 to 30 lowercase letters, digits and dashes, begins with a "
            "letter and does not end with a dash."
        )
    return name


def masked(url):
    """The URL without what may be secret in it: user, password and query."""
    scheme, separator, rest = url.partition("://")
    if not separator:
        return url
    rest, mark, ref = rest.partition("#")
    rest, query, _asked = rest.partition("?")
    place, slash, where = rest.partition("/")
    _user, at, host = place.rpartition("@")
    return f"{scheme}://{MASK + at if at else ''}{host}{slash}{where}{query + MASK if query else ''}{mark}{ref}"


def secrets_of(url):
    """What is secret in the URL: whole, and in parts as a sentence may quote them."""
    if url == masked(url):
        return []
    try:
        parts = urlsplit(url)
        found = [url, parts.netloc.rpartition("@")[0], parts.password, parts.query]
    except ValueError:
        found = [url]
    return [each for each in found if each]


def about(app):
    """The app itself."""
    return {
        "build_stack": app["build_stack"]["name"],
        "created_at": app["created_at"],
        "git_url": app["git_url"],
        "id": app["id"],
        "language": app["buildpack_provided_description"],
        "maintenance": app["maintenance"],
        "name": app["name"],
        "owner": app["owner"]["email"],
        "region": app["region"]["name"],
        "released_at": app["released_at"],
        "slug_size": app["slug_size"],
        "stack": app["stack"]["name"],
        "web_url": app["web_url"],
    }


def formation(api, app):
    """The app's process types, with how many dynos of which size are wanted of each; none before its first deploy."""
    found = api.list(path("apps", app, "formation"), "type ..")
    return [{key: row[key] for key in ("type", "quantity", "size", "command")} for row in found]


def dynos(api, app):
    """The dynos there are, one-off dynos too."""
    found = api.list(path("apps", app, "dynos"))
    keys = ("id", "name", "type", "state", "size", "command", "created_at", "updated_at")
    return [{**{key: row[key] for key in keys}, "release": row["release"]["version"]} for row in found]


def buildpacks(api, app, secrets=False):
    """The buildpacks' names and URLs, in the order in which they run."""
    found = api.list(path("apps", app, "buildpack-installations"), "ordinal ..")
    names = [row["buildpack"]["name"] for row in sorted(found, key=lambda row: row["ordinal"])]
    return names if secrets else [masked(name) for name in names]


def config_vars(api, app):
    """The config vars: names and values."""
    return api.get(path("apps", app, "config-vars"))


def domains(api, app):
    """The host names that lead to the app; `kind` is `heroku` for the one that every app has."""
    found = api.list(path("apps", app, "domains"), "hostname ..")
    return [
        {
            "certificate": (row["sni_endpoint"] or {}).get("name"),
            "cname": row["cname"],
            "hostname": row["hostname"],
            "kind": row["kind"],
        }
        for row in found
    ]


def collaborators(api, app):
    """Who may use the app, its owner too."""
    found = api.list(path("apps", app, "collaborators"))
    return [{"role": row["role"], "user": row["user"]["email"]} for row in found]


def drains(api, app, secrets=False):
    """Where the app's lines go."""
    found = api.list(path("apps", app, "log-drains"))
    return [{"id": row["id"], "url": row["url"] if secrets else masked(row["url"])} for row in found]


def releases(api, app, most):
    """The newest releases, `most` of them, the newest first."""
    found = api.list(path("apps", app, "releases"), "version ..; order=desc", most) if most else []
    return [
        {
            "created_at": row["created_at"],
            "current": row["current"],
            "description": row["description"],
            "slug": (row["slug"] or {}).get("id"),
            "status": row["status"],
            "user": row["user"]["email"],
            "version": row["version"],
        }
        for row in found
    ]
