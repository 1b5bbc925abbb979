#!/usr/bin/python
# Copyright: The Hokku developers
# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
---
module: maintenance
short_description: An application's maintenance mode is on or off
version_added: 0.2.0
author: [The Hokku developers (@hokku)]
description:
  - While it is on, the routers answer every request of the application with its maintenance page; its dynos go on.
options:
  app:
    description: The application's name or id.
    type: str
    required: true
  enabled:
    description: Whether it is on.
    type: bool
    required: true
extends_documentation_fragment:
  - hokku.platform.api
  - ansible.builtin.action_common_attributes
attributes:
  check_mode:
    support: full
  diff_mode:
    support: full
"""

EXAMPLES = r"""
- name: Nobody orders while prices are changed
  hokku.platform.maintenance:
    app: shop
    enabled: true
"""

RETURN = r"""
actions:
  description: What was done, or would be in check mode.
  returned: always
  type: list
  elements: str
  sample: ["maintenance mode enabled"]
"""

from ansible_collections.hokku.platform.plugins.module_utils._api import path
from ansible_collections.hokku.platform.plugins.module_utils._platform import run


def work(module):
    where, wanted = path("apps", module.params["app"]), module.params["enabled"]
    if module.differs("maintenance", module.api.get(where)["maintenance"], wanted):
        said = f"maintenance mode {'enabled' if wanted else 'disabled'}"
        module.act(said, "PATCH", where, {"maintenance": wanted})
    module.done()


def main():
    run(work, {"app": {"type": "str", "required": True}, "enabled": {"type": "bool", "required": True}})


if __name__ == "__main__":
    main()
