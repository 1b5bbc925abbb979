#!/usr/bin/python
# Copyright: The Hokku developers
# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
---
module: slug_info
short_description: A slug of an application
version_added: 0.2.0
author: [The Hokku developers (@hokku)]
description:
  - Tells of one slug - the one with an id, or the one that is served.
options:
  app:
    description: The application's name or id.
    type: str
    required: true
  slug:
    description: The slug's id. Of the current release, unless given.
    type: str
extends_documentation_fragment:
  - hokku.platform.api
  - ansible.builtin.action_common_attributes
attributes:
  check_mode:
    support: full
  diff_mode:
    support: none
  platform:
    platforms: posix
"""

EXAMPLES = r"""
- name: What is served is known
  hokku.platform.slug_info:
    app: shop
  register: served

- name: Its commit is told
  ansible.builtin.debug:
    var: served.slug.commit
"""

RETURN = r"""
actions:
  description: Nothing is ever done.
  returned: always
  type: list
  elements: str
  sample: []
slug:
  description: The slug; null when none was given and the application serves none.
  returned: success
  type: dict
  sample:
    id: 01234567-89ab-cdef-0123-456789abcdef
    checksum: "SHA256:0000000000000000000000000000000000000000000000000000000000000000"
    commit: 1a2b3c4d
    commit_description: null
    language: Python
    process_types: {web: gunicorn shop}
    size: 12345678
    stack: debian-12
    kept: true
    created_at: "2026-01-01T12:00:00Z"
    updated_at: "2026-01-01T12:00:05Z"
"""

from ansible_collections.hokku.platform.plugins.module_utils import _releases
from ansible_collections.hokku.platform.plugins.module_utils._api import ApiError, path
from ansible_collections.hokku.platform.plugins.module_utils._platform import run


def work(module):
    app, slug = module.params["app"], module.params["slug"]
    if slug is None:
        current = next((row for row in _releases.recent(module.api, app) if row["current"]), None)
        if current is None or not current["slug"]:
            module.done(slug=None)
        slug = current["slug"]["id"]
    found = module.api.find(path("apps", app, "slugs", slug))
    if found is None:
        raise ApiError(f"There is no app {app} that has a slug {slug[:80]}, for this account.")
    module.done(slug=_shown(found))


def _shown(slug):
    """A slug without the URL of its content, which holds a secret. `size` in bytes; `kept`: it can be released."""
    return {
        "id": slug["id"],
        "checksum": slug["checksum"],
        "commit": slug["commit"],
        "commit_description": slug["commit_description"],
        "language": slug["buildpack_provided_description"],
        "process_types": slug["process_types"],
        "size": slug["size"],
        "stack": slug["stack"]["name"],
        "kept": slug["deleted_at"] is None,
        "created_at": slug["created_at"],
        "updated_at": slug["updated_at"],
    }


def main():
    run(work, {"app": {"type": "str", "required": True}, "slug": {"type": "str"}})


if __name__ == "__main__":
    main()
