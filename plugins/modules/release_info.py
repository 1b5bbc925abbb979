#!/usr/bin/python
# Copyright: The Hokku developers
# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
---
module: release_info
short_description: The releases of an application
version_added: 0.2.0
author: [The Hokku developers (@hokku)]
description:
  - Tells which releases there are, newest first, or of one of them.
options:
  app:
    description: The application's name or id.
    type: str
    required: true
  release:
    description:
      - Only this one - V(current), V(previous), or a version such as V(v12). It is an error when there is none
        such.
    type: str
  most:
    description: How many to tell at most, the newest.
    type: int
    default: 20
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
- name: What serves now is known
  hokku.platform.release_info:
    app: shop
    release: current
  register: shop
- name: It is told
  ansible.builtin.debug:
    msg: "v{{ shop.releases[0].version }}: {{ shop.releases[0].description }}"
"""

RETURN = r"""
actions:
  description: Nothing is ever done.
  returned: always
  type: list
  elements: str
  sample: []
releases:
  description: The releases, newest first.
  returned: success
  type: list
  elements: dict
  sample:
    - id: 7b2a8f0e-6a0e-4e2f-8f0d-0f4b9f0a1c2d
      version: 13
      status: succeeded
      description: Deploy 1a2b3c4d
      slug: 01234567-89ab-cdef-0123-456789abcdef
      current: true
      eligible_for_rollback: true
      user: ops@example.com
      created_at: "2026-01-01T12:00:00Z"
      updated_at: "2026-01-01T12:00:05Z"
"""

from ansible_collections.hokku.platform.plugins.module_utils import _releases
from ansible_collections.hokku.platform.plugins.module_utils._api import ApiError
from ansible_collections.hokku.platform.plugins.module_utils._platform import run


def work(module):
    app, name, most = (module.params[each] for each in ("app", "release", "most"))
    if most < 1:
        raise ApiError(f"most is {most}: give a number of releases, 1 or more.")
    if name is None:
        found = _releases.recent(module.api, app, most)
    else:
        _releases.check(name)
        found = [_releases.called(_releases.recent(module.api, app), app, name)]
    module.done(releases=[_releases.shown(release) for release in found])


def main():
    run(
        work,
        {
            "app": {"type": "str", "required": True},
            "release": {"type": "str"},
            "most": {"type": "int", "default": 20},
        },
    )


if __name__ == "__main__":
    main()
