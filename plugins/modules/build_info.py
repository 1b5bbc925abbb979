#!/usr/bin/python
# Copyright: The Hokku developers
# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
---
module: build_info
short_description: The builds of an application
version_added: 0.2.0
author: [The Hokku developers (@hokku)]
description:
  - Tells which builds there are, newest first, or of one of them, with what it said if that is wanted.
options:
  app:
    description: The application's name or id.
    type: str
    required: true
  build:
    description: Only the build with this id. It is an error when there is none such.
    type: str
  output:
    description: Whether to tell what O(build) said so far.
    type: bool
    default: false
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
- name: The last build is known
  hokku.platform.build_info:
    app: shop
    most: 1
  register: shop

- name: And what it said
  hokku.platform.build_info:
    app: shop
    build: "{{ shop.builds[0].id }}"
    output: true
"""

RETURN = r"""
actions:
  description: Nothing is ever done.
  returned: always
  type: list
  elements: str
  sample: []
builds:
  description: The builds, newest first. C(release) is null for a build that makes no release.
  returned: success
  type: list
  elements: dict
  sample:
    - id: 3d0b1c9e-0f68-4a5b-9a50-6a1f5c1d2e3f
      status: succeeded
      slug: 01234567-89ab-cdef-0123-456789abcdef
      release: 7b2a8f0e-6a0e-4e2f-8f0d-0f4b9f0a1c2d
      checksum: "SHA256:0000000000000000000000000000000000000000000000000000000000000000"
      commit: 1a2b3c4d
      stack: debian-12
      user: ops@example.com
      created_at: "2026-01-01T12:00:00Z"
      updated_at: "2026-01-01T12:00:05Z"
output:
  description: What the build said, the last 10000 lines of it.
  returned: when O(output=true)
  type: list
  elements: str
  sample: ["-----> Python app detected"]
"""

from ansible_collections.hokku.platform.plugins.module_utils import _builds
from ansible_collections.hokku.platform.plugins.module_utils._api import ApiError, path
from ansible_collections.hokku.platform.plugins.module_utils._platform import run


def work(module):
    app, build, most = (module.params[each] for each in ("app", "build", "most"))
    if most < 1:
        raise ApiError(f"most is {most}: give a number of builds, 1 or more.")
    if module.params["output"] and build is None:
        raise ApiError("output is of one build: name it in build.")
    if build is None:
        module.done(builds=[_builds.shown(each) for each in _builds.recent(module.api, app, most)])
    found = module.api.find(path("apps", app, "builds", build))
    if found is None:
        raise ApiError(f"There is no app {app} that has a build {build[:80]}, for this account.")
    result = {"builds": [_builds.shown(found)]}
    if module.params["output"]:
        said = module.api.get(path("apps", app, "builds", build, "result"))["lines"]
        result["output"] = "".join(line["line"] for line in said).splitlines()[-_builds.LINES :]
    module.done(**result)


def main():
    run(
        work,
        {
            "app": {"type": "str", "required": True},
            "build": {"type": "str"},
            "output": {"type": "bool", "default": False},
            "most": {"type": "int", "default": 20},
        },
    )


if __name__ == "__main__":
    main()
