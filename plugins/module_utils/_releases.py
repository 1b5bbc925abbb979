# Copyright: The Hokku developers
# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# PRIVATE to the collection: modules of other collections must not import it.

"""Releases: how they are told and named, and waiting for one to serve."""

from __future__ import annotations

import re

from ansible_collections.hokku.platform.plugins.module_utils._api import ApiError, path, until

NAMED = re.compile(r"current|previous|v?[0-9]{1,9}")
_ROLLBACK = re.compile(r"Rollback to v([0-9]{1,9})")  # what the platform calls one
_LOG = 5  # seconds that the log may be behind
_KEPT = 200  # lines of an output or a log that are told


class Failed(ApiError):
    """A release that does not serve; `output` is what its release command said, as lines."""

    def __init__(self, message, output=()):
        super().__init__(message)
        self.output = list(output)


def shown(release):
    """A release without the URL that holds a secret."""
    return {
        "id": release["id"],
        "version": release["version"],
        "status": release["status"],
        "description": release["description"],
        "slug": (release["slug"] or {}).get("id"),
        "current": release["current"],
        "eligible_for_rollback": release["eligible_for_rollback"],
        "user": release["user"]["email"],
        "created_at": release["created_at"],
        "updated_at": release["updated_at"],
    }


def recent(api, app, most=None):
    """The app's releases, newest first."""
    return api.list(path("apps", app, "releases"), "version ..; order=desc", most)


def newest(rows):
    """The newest that did not fail, which the next one is built on; of `rows`, newest first, or None."""
    return next((row for row in rows if row["status"] != "failed"), None)


def check(name):
    """Raise ApiError unless this may be what a release is called."""
    if not NAMED.fullmatch(name):
        raise ApiError(f"{name[:80]!r} names no release: say current, previous, or a version such as v12.")


def called(rows, app, name):
    """The one of `rows`, newest first, that is called `current`, `previous`, `v12` or `12`. Raises ApiError.

    The previous one is the newest below the current that succeeded and can be rolled back to. Where the current one is
    a rollback itself, it is below the one that was rolled back to, so that each time goes further back.
    """
    check(name)
    current = next((row for row in rows if row["current"]), None)
    if name == "current":
        found = current
    elif name == "previous":
        top = _stands_for(current) if current is not None else 0
        older = [row for row in rows if row["version"] < top]
        found = next((row for row in older if row["status"] == "succeeded" and row["eligible_for_rollback"]), None)
    else:
        version = int(name.removeprefix("v"))
        found = next((row for row in rows if row["version"] == version), None)
    if found is None:
        have = f"it has v{rows[-1]['version']} to v{rows[0]['version']}" if rows else "it has none"
        raise ApiError(f"{app} has no release {name}: {have}.")
    return found


def _stands_for(release):
    """The version whose slug and config vars it has: its own, or that of the release it rolled back to."""
    back = _ROLLBACK.fullmatch(release["description"] or "")
    return int(back[1]) if back else release["version"]


def serve(api, app, release, seconds):
    """The release once requests go to it alone. Raises Failed when it does not serve, ApiError when that takes longer.

    A release without a slug serves nothing, and is done when it is made.
    """
    where, version = path("apps", app, "releases", release["id"]), release["version"]

    def look():
        found = api.get(where)
        if found["status"] in ("failed", "expired"):
            output = _said(api, found)
            raise Failed(f"v{version} of {app} failed: {_reason(api, app, version, output)}", output)
        if found["status"] != "succeeded":
            return None
        return found if not found["slug"] or _routed(api, app, version) else None

    return until(seconds, f"v{version} of {app} does not serve yet (`heroku ps -a {app}` tells how far it is)", look)


def _routed(api, app, version):
    """Whether the web dynos are all of this release, or of a newer one, and up."""
    web = [dyno for dyno in api.list(path("apps", app, "dynos")) if dyno["type"] == "web" and dyno["state"] != "down"]
    crashed = [dyno["name"] for dyno in web if dyno["state"] == "crashed" and dyno["release"]["version"] == version]
    if crashed:
        raise Failed(
            f"v{version} is the release of {app} and does not serve: {', '.join(sorted(crashed))} crashed. "
            f"`heroku logs -a {app}` has the last lines."
        )
    return all(dyno["release"]["version"] >= version and dyno["state"] == "up" for dyno in web)


def _said(api, release):
    """What the release's command said: nothing when it has none, or was never begun."""
    return _lines(api, release["output_stream_url"]) if release["output_stream_url"] else []


def _reason(api, app, version, output):
    """Why it failed: what its command said last, or what the platform says in the app's log."""
    if said := [line.strip() for line in output if line.strip()]:
        return said[-1].removeprefix("!").strip()
    try:
        return until(_LOG, "no reason", lambda: _logged(api, app, version))
    except ApiError:
        return f"`heroku logs -a {app}` tells why."


def _logged(api, app, version):
    session = api.request("POST", path("apps", app, "log-sessions"), {"lines": _KEPT, "tail": False})[0]
    told = re.compile(rf"\bRelease v{version} failed: (.+)")
    found = [match[1].strip() for line in _lines(api, session["logplex_url"]) if (match := told.search(line))]
    return found[-1] if found else None


def _lines(api, url):
    try:
        with api.stream(url) as answer:
            return answer.read().replace(b"\0", b"").decode("utf-8", "replace").splitlines()[-_KEPT:]
    except ApiError:
        return []
