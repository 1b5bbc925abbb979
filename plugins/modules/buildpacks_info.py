#!/usr/bin/python
# Copyright: The Hokku developers
# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
---
module: buildpacks_info
short_description: Which buildpacks an application's next build uses
version_added: 0.2.0
author: [The Hokku developers (@hokku)]
description:
  - Tells the buildpacks that were chosen. Where there are none, the platform's own detect what the application is.
options:
  app:
    description: The application's name or id.
    type: str
    required: true
  secrets:
    description: Whether to tell user, password and query of URLs. Give the task C(no_log) then.
    type: bool
    default: false
extends_documentation_fragment:
  - hokku.platform.api
  - ansible.builtin.action_common_attributes
attributes:
  check_mode:
    support: full
  diff_mode:
    support: N/A
    details: It changes nothing.
seealso:
  - module: hokku.platform.buildpacks
"""

EXAMPLES = r"""
- name: What is the shop built with?
  hokku.platform.buildpacks_info:
    app: shop
  register: shop
"""

RETURN = r"""
buildpacks:
  description: Names and URLs, in the order in which they run.
  returned: success
  type: list
  elements: str
  sample: ["heroku/nodejs", "heroku/python"]
"""

from ansible_collections.hokku.platform.plugins.module_utils._app import buildpacks
from ansible_collections.hokku.platform.plugins.module_utils._platform import run


def work(module):
    module.done(buildpacks=buildpacks(module.api, module.params["app"], module.params["secrets"]))


def main():
    run(
        work,
        {
            "app": {"type": "str", "required": True},
            "secrets": {"type": "bool", "default": False, "no_log": False},
        },
    )


if __name__ == "__main__":
    main()
