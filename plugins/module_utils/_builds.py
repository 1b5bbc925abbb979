# Copyright: The Hokku developers
# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# PRIVATE to the collection: modules of other collections must not import it.

"""Builds: how they are told, whether one of them made what is wanted already, and following one to its end."""

from __future__ import annotations

import codecs
import time

from ansible_collections.hokku.platform.plugins.module_utils._api import ApiError, NoAnswer, path, until

LINES = 10000  # of an output that are kept, the last ones
_LOOK_BACK = 200  # builds of an app that are looked through
_PAUSE = 1.0  # seconds before a stream that broke off is opened again
_VERDICT = 60  # seconds that the verdict may come after the end of the output


def shown(build):
    """A build without the URLs that hold a secret."""
    return {
        "id": build["id"],
        "status": build["status"],
        "slug": (build["slug"] or {}).get("id"),
        "release": (build["release"] or {}).get("id"),
        "checksum": build["source_blob"]["checksum"],
        "commit": build["source_blob"]["version"],
        "stack": build["stack"],
        "user": build["user"]["email"],
        "created_at": build["created_at"],
        "updated_at": build["updated_at"],
    }


def recent(api, app, most=_LOOK_BACK):
    """The app's builds, newest first."""
    return api.list(path("apps", app, "builds"), "created_at ..; order=desc", most)


def made_already(api, app, checksum, stack, buildpacks):
    """The newest build that made a slug of just this, if the slug is still kept, with the slug; or None.

    `buildpacks` are the app's, as the API tells them: none means that the platform detects.
    """
    wanted = (checksum, stack, [pack["name"] for pack in buildpacks])
    for build in recent(api, app):
        names = [pack["name"] for pack in build["buildpacks"] or ()]
        if (build["source_blob"]["checksum"], build["stack"], names) != wanted:
            continue
        if build["status"] != "succeeded" or not build["slug"]:
            continue
        slug = api.find(path("apps", app, "slugs", build["slug"]["id"]))
        if slug is not None and slug["deleted_at"] is None:
            return build
    return None


def follow(api, app, build, tell, seconds):
    """Give each line of the build to `tell` as it comes, and the build once it is over.

    Raises ApiError when that takes longer than `seconds`; the build goes on then.
    """
    end, seen, rest = time.monotonic() + seconds, 0, ""
    text = codecs.getincrementaldecoder("utf-8")("replace")
    whole = False
    while not whole:
        try:
            with api.stream(build["output_stream_url"], {"Range": f"bytes={seen}-"} if seen else None) as answer:
                while piece := answer.read1(65536):
                    piece = piece.replace(b"\0", b"")  # heartbeats, which are no output
                    seen += len(piece)
                    *lines, rest = (rest + text.decode(piece)).split("\n")
                    for line in lines:
                        tell(line.rstrip("\r"))
                    _in_time(end, seconds, app, build)
                whole = True
        except NoAnswer as error:
            _in_time(end, seconds, app, build, f" The last look was not answered: {error}")
            time.sleep(_PAUSE)
    if rest:
        tell(rest)
    where = path("apps", app, "builds", build["id"])

    def over():
        found = api.get(where)
        return found if found["status"] != "pending" else None

    return until(_VERDICT, f"Build {build['id']} of {app} said all it had to say and has no verdict", over)


def _in_time(end, seconds, app, build, more=""):
    if time.monotonic() > end:
        raise ApiError(f"Build {build['id']} of {app} was not over after {seconds:.0f} s (wait_timeout).{more}")
