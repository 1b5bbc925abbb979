#!/usr/bin/python
# Copyright: The Hokku developers
# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
---
module: release
short_description: An application runs a slug, an earlier release, or what another application runs
version_added: 0.2.0
author: [The Hokku developers (@hokku)]
description:
  - Makes a release of a slug, rolls back, or promotes, and waits until requests go to the new release alone.
  - The old release serves until the new one is healthy. A release that fails leaves it serving, and fails the
    module with the reason and with what its release command said.
options:
  app:
    description: The application's name or id.
    type: str
    required: true
  slug:
    description:
      - The id of a slug of the application, as M(hokku.platform.slug) gives it.
      - Nothing is done when the newest release that did not fail has this slug already.
    type: str
  rollback:
    description:
      - The version to go back to, such as V(v12), or V(previous) for the newest release before the current one that
        succeeded and can be rolled back to. It is a new release with the exact slug and config vars of that one.
      - V(previous) goes one back each time. After a rollback to V(v12) it is the newest before V(v12).
      - With a version, nothing is done when the newest release that did not fail is that one, or the rollback to
        it.
    type: str
  promote_from:
    description:
      - The name or id of an application whose current slug is released here, with the config vars of O(app).
      - Both applications must be in one pipeline, whose promotion it is. Outside of a pipeline there is none -
        the API gives a slug's content and process types, but not what its buildpacks declared as config vars, so
        that a copy of it would not be the same.
      - Nothing is done when the newest release of O(app) that did not fail has the same content already.
    type: str
  description:
    description:
      - What the release of O(slug) is called in the list of releases. The platform calls it after the commit
        otherwise.
    type: str
  wait:
    description: Whether to wait until the release serves, or does not.
    type: bool
    default: true
  wait_timeout:
    description: Seconds to wait. The release goes on when they are over, and the module fails.
    type: int
    default: 900
extends_documentation_fragment:
  - hokku.platform.api
  - ansible.builtin.action_common_attributes
attributes:
  check_mode:
    support: full
  diff_mode:
    support: full
  platform:
    platforms: posix
"""

EXAMPLES = r"""
- name: The checkout beside the playbook is compiled
  hokku.platform.slug:
    app: shop
    source: "{{ playbook_dir }}/shop"
  register: compiled

- name: And released
  hokku.platform.release:
    app: shop
    slug: "{{ compiled.slug }}"

- name: The shop is as it was with v12
  hokku.platform.release:
    app: shop
    rollback: v12

- name: What was tried on staging serves
  hokku.platform.release:
    app: shop
    promote_from: shop-staging
"""

RETURN = r"""
actions:
  description: What was done, or would be in check mode.
  returned: always
  type: list
  elements: str
  sample: ["slug 01234567-89ab-cdef-0123-456789abcdef released as v13"]
release:
  description: The release that was made or was there already.
  returned: success, unless check mode only said that one would be made
  type: dict
  sample:
    id: 7b2a8f0e-6a0e-4e2f-8f0d-0f4b9f0a1c2d
    version: 13
    status: succeeded
    description: Deploy 1a2b3c4d
    slug: 01234567-89ab-cdef-0123-456789abcdef
    current: true
    eligible_for_rollback: true
    user: ops@example.com
    created_at: "2026-01-01T12:00:00Z"
    updated_at: "2026-01-01T12:00:05Z"
output:
  description: What the release command said, the last 200 lines of it.
  returned: when the release failed
  type: list
  elements: str
  sample: ["Running migrations", "no such table: users"]
"""

import re

from ansible_collections.hokku.platform.plugins.module_utils import _releases
from ansible_collections.hokku.platform.plugins.module_utils._api import ApiError, path
from ansible_collections.hokku.platform.plugins.module_utils._platform import run

_ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_SAME = ("checksum", "process_types", "stack")  # of two slugs of the same content


def work(module):
    wanted = module.params
    _check(wanted)
    rows = _releases.recent(module.api, wanted["app"])
    base = _releases.newest(rows)
    if wanted["slug"] is not None:
        made = _deploy(module, base)
    elif wanted["rollback"] is not None:
        made = _roll_back(module, rows, base)
    else:
        made = _promote(module, base)
    if made is None:
        module.done()
    try:
        if wanted["wait"] and not module.check:
            made = _releases.serve(module.api, wanted["app"], made, wanted["wait_timeout"])
    except _releases.Failed as failed:
        module.fail(failed, output=failed.output)
    module.done(release=_releases.shown(made))


def _check(wanted):
    """Refuse what can be seen to be wrong before anything is asked."""
    if wanted["slug"] is not None and not _ID.fullmatch(wanted["slug"]):
        raise ApiError(f"slug is {wanted['slug'][:80]!r}: give a slug's id, such as the module slug returns.")
    name = wanted["rollback"]
    if name is not None and (name == "current" or not _releases.NAMED.fullmatch(name)):
        raise ApiError(f"rollback is {name[:80]!r}: give a version such as v12, or previous.")
    if wanted["description"] is not None and wanted["slug"] is None:
        raise ApiError("description is for the release of a slug: the platform itself names rollbacks and promotions.")
    if wanted["wait_timeout"] < 1:
        raise ApiError(f"wait_timeout is {wanted['wait_timeout']}: give a number of seconds, 1 or more.")


def _deploy(module, base):
    """The release of the slug: the one there is, a new one, or None in check mode."""
    app, slug = module.params["app"], module.params["slug"]
    found = module.api.find(path("apps", app, "slugs", slug))
    if found is None:
        raise ApiError(f"{app} has no slug {slug}: a slug is of one app, and the module slug makes it.")
    if found["deleted_at"] is not None:
        raise ApiError(f"The slug {slug} is no longer kept: build it again.")
    if not module.differs("slug", _slug_of(base), slug):
        return base
    body = {"slug": slug}
    if module.params["description"] is not None:
        body["description"] = module.params["description"]
    return _make(module, f"slug {slug} released", body)


def _roll_back(module, rows, base):
    """The release like an earlier one: the one there is, a new one, or None in check mode."""
    app, name = module.params["app"], module.params["rollback"]
    target = _releases.called(rows, app, name)
    text = f"Rollback to v{target['version']}"
    there = base is not None and (
        base["id"] == target["id"] or (base["description"] == text and _slug_of(base) == _slug_of(target))
    )
    if name != "previous" and there:
        return base
    if not target["eligible_for_rollback"]:
        raise ApiError(
            f"v{target['version']} of {app} cannot be rolled back to: it failed, or its slug is no longer kept. "
            "Choose a newer one."
        )
    module.differs("release", base and f"v{base['version']}: {base['description']}", text)
    module.differs("slug", _slug_of(base), _slug_of(target))
    return _make(module, f"rolled back to v{target['version']}", {"release": target["version"]})


def _make(module, said, body):
    made = module.act(said, "POST", path("apps", module.params["app"], "releases"), body)
    if made is not None:
        module.actions[-1] += f" as v{made['version']}"
    return made


def _promote(module, base):
    """The release of what another app serves: the one there is, a new one, or None in check mode."""
    api, app, source = module.api, module.params["app"], module.params["promote_from"]
    ids = {name: api.get(path("apps", name))["id"] for name in (source, app)}
    if ids[source] == ids[app]:
        raise ApiError(f"{source} cannot be promoted to itself: name another app in promote_from.")
    current = next((row for row in _releases.recent(api, source) if row["current"]), None)
    if current is None or not current["slug"]:
        raise ApiError(f"{source} has nothing to promote: deploy it first.")
    theirs = api.get(path("apps", source, "slugs", current["slug"]["id"]))
    ours = api.find(path("apps", app, "slugs", base["slug"]["id"])) if base and base["slug"] else None
    if ours is not None and all(ours[name] == theirs[name] for name in _SAME):
        return base
    pipeline = _pipeline(api, source, app)
    module.differs("slug", ours and _told(ours), _told(theirs))
    body = {
        "pipeline": {"id": pipeline},
        "source": {"app": {"id": ids[source]}, "release": {"id": current["id"]}},
        "targets": [{"app": {"id": ids[app]}}],
    }
    promotion = module.act(f"v{current['version']} of {source} promoted", "POST", path("pipeline-promotions"), body)
    if promotion is None:
        return None
    targets = api.list(path("pipeline-promotions", promotion["id"], "promotion-targets"))
    made = api.get(path("apps", app, "releases", targets[0]["release"]["id"]))
    module.actions[-1] += f" as v{made['version']}"
    return made


def _pipeline(api, source, app):
    """The id of the pipeline that both are in."""
    found = {name: api.find(path("apps", name, "pipeline-couplings")) for name in (source, app)}
    alone = [name for name, coupling in found.items() if coupling is None]
    if alone:
        raise ApiError(
            f"Only apps of one pipeline are promoted, and {alone[0]} is in none: "
            f"`heroku pipelines:add PIPELINE -a {alone[0]}` adds it."
        )
    names = {name: coupling["pipeline"] for name, coupling in found.items()}
    if names[source]["id"] != names[app]["id"]:
        raise ApiError(
            f"{source} is in the pipeline {names[source]['name']} and {app} in {names[app]['name']}: "
            "only apps of one pipeline are promoted."
        )
    return names[app]["id"]


def _slug_of(release):
    return release["slug"]["id"] if release and release["slug"] else None


def _told(slug):
    return f"{slug['checksum']} ({slug['commit'] or 'no commit'})"


def main():
    run(
        work,
        {
            "app": {"type": "str", "required": True},
            "slug": {"type": "str"},
            "rollback": {"type": "str"},
            "promote_from": {"type": "str"},
            "description": {"type": "str"},
            "wait": {"type": "bool", "default": True},
            "wait_timeout": {"type": "int", "default": 900},
        },
        mutually_exclusive=[("slug", "rollback", "promote_from")],
        required_one_of=[("slug", "rollback", "promote_from")],
    )


if __name__ == "__main__":
    main()
