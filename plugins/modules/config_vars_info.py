#!/usr/bin/python
# Copyright: The Hokku developers
# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
---
module: config_vars_info
short_description: Which config vars an application has
version_added: 0.2.0
author: [The Hokku developers (@hokku)]
description:
  - Tells the names of an application's config vars, and their values where that is asked for.
options:
  app:
    description: The application's name or id.
    type: str
    required: true
  release:
    description:
      - The version or id of a release, to be told its config vars.
      - Where it is not given, those of the newest release that did not fail are told.
    type: str
  secrets:
    description: Whether to tell the values. Give the task C(no_log) then.
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
  - module: hokku.platform.config_vars
"""

EXAMPLES = r"""
- name: Which config vars has the shop?
  hokku.platform.config_vars_info:
    app: shop
  register: shop

- name: What were they before?
  hokku.platform.config_vars_info:
    app: shop
    release: v11
    secrets: true
  no_log: true
  register: before
"""

RETURN = r"""
names:
  description: The names, in their order.
  returned: success
  type: list
  elements: str
  sample: ["COUNTRY", "PAYMENT_KEY"]
vars:
  description: Names and values.
  returned: when O(secrets) is true
  type: dict
  sample: {"COUNTRY": "CH"}
"""

from ansible_collections.hokku.platform.plugins.module_utils._api import path
from ansible_collections.hokku.platform.plugins.module_utils._app import config_vars
from ansible_collections.hokku.platform.plugins.module_utils._platform import run


def work(module):
    app, release = module.params["app"], module.params["release"]
    if release is None:
        found = config_vars(module.api, app)
    else:
        found = module.api.get(path("apps", app, "releases", release, "config-vars"))
    module.done(names=sorted(found), **({"vars": found} if module.params["secrets"] else {}))


def main():
    run(
        work,
        {
            "app": {"type": "str", "required": True},
            "release": {"type": "str"},
            "secrets": {"type": "bool", "default": False, "no_log": False},
        },
    )


if __name__ == "__main__":
    main()
