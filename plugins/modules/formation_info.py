#!/usr/bin/python
# Copyright: The Hokku developers
# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
---
module: formation_info
short_description: Which dynos an application shall have
version_added: 0.2.0
author: [The Hokku developers (@hokku)]
description:
  - Tells how many dynos of which size are wanted of each process type.
  - M(hokku.platform.dyno_info) tells the dynos there are.
options:
  app:
    description: The application's name or id.
    type: str
    required: true
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
  - module: hokku.platform.formation
  - module: hokku.platform.dyno_info
"""

EXAMPLES = r"""
- name: How large is the shop?
  hokku.platform.formation_info:
    app: shop
  register: shop
"""

RETURN = r"""
formation:
  description: The process types, in the order of their names. None before the first deploy.
  returned: success
  type: list
  elements: dict
  contains:
    command: {description: What its dynos run., type: str, returned: success, sample: gunicorn shop}
    quantity: {description: How many dynos., type: int, returned: success, sample: 3}
    size: {description: Of what size., type: str, returned: success, sample: Basic}
    type: {description: The process type., type: str, returned: success, sample: web}
processes:
  description: The same in the form that M(hokku.platform.formation) takes.
  returned: success
  type: dict
  sample: {"web": {"quantity": 3, "size": "Basic"}}
"""

from ansible_collections.hokku.platform.plugins.module_utils._app import formation
from ansible_collections.hokku.platform.plugins.module_utils._platform import run


def work(module):
    found = formation(module.api, module.params["app"])
    module.done(
        formation=found,
        processes={row["type"]: {"quantity": row["quantity"], "size": row["size"]} for row in found},
    )


def main():
    run(work, {"app": {"type": "str", "required": True}})


if __name__ == "__main__":
    main()
