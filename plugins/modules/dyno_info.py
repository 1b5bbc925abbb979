#!/usr/bin/python
# Copyright: The Hokku developers
# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
---
module: dyno_info
short_description: Which dynos an application has
version_added: 0.2.0
author: [The Hokku developers (@hokku)]
description:
  - Tells the dynos there are, one-off dynos too, and of one of them also what was decided for it and why.
options:
  app:
    description: The application's name or id.
    type: str
    required: true
  dyno:
    description:
      - The name or id of one dyno. Two have one name while a deploy replaces one by the other.
      - What the manifold decided for it is told too.
    type: str
  type:
    description: A process type, to be told its dynos alone. Not together with O(dyno).
    type: str
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
  - module: hokku.platform.formation_info
"""

EXAMPLES = r"""
- name: What runs of the shop?
  hokku.platform.dyno_info:
    app: shop
  register: shop

- name: Why is web.2 not up?
  hokku.platform.dyno_info:
    app: shop
    dyno: web.2
  register: web2
"""

RETURN = r"""
decisions:
  description: What was decided for the dyno's place, the newest first.
  returned: when O(dyno) is given and the platform keeps it
  type: list
  elements: dict
  contains:
    created_at: {description: When., type: str, returned: success, sample: "2026-01-01T12:00:00Z"}
    decision: {description: "What, such as V(start), V(up), V(crash) or V(wait).", type: str, returned: success}
    dyno: {description: The dyno's name., type: str, returned: success, sample: web.2}
    host: {description: On which host., type: str, returned: success, sample: dyno3}
    id: {description: The decision's id., type: str, returned: success}
    reason: {description: Why., type: str, returned: success, sample: The process exited with status 1.}
dynos:
  description: The dynos, in the order of their names.
  returned: success
  type: list
  elements: dict
  contains:
    command: {description: What it runs., type: str, returned: success}
    created_at: {description: When it was made., type: str, returned: success}
    id: {description: Its id., type: str, returned: success}
    name: {description: Its name., type: str, returned: success, sample: web.1}
    release: {description: The version of its release., type: int, returned: success, sample: 12}
    size: {description: Its size., type: str, returned: success, sample: Basic}
    state: {description: "V(crashed), V(down), V(idle), V(starting) or V(up).", type: str, returned: success}
    type: {description: Its process type., type: str, returned: success, sample: web}
    updated_at: {description: When that changed last., type: str, returned: success}
"""

from ansible_collections.hokku.platform.plugins.module_utils._app import dynos
from ansible_collections.hokku.platform.plugins.module_utils._formation import decisions
from ansible_collections.hokku.platform.plugins.module_utils._platform import run


def work(module):
    app, kind, identity = (module.params[each] for each in ("app", "type", "dyno"))
    found = dynos(module.api, app)
    if kind is not None:
        found = [dyno for dyno in found if dyno["type"] == kind]
    result = {}
    if identity is not None:
        found = [dyno for dyno in found if identity in (dyno["id"], dyno["name"])]
        result["decisions"] = decisions(module.api, app, identity)
    module.done(dynos=found, **{key: value for key, value in result.items() if value is not None})


def main():
    run(
        work,
        {"app": {"type": "str", "required": True}, "dyno": {"type": "str"}, "type": {"type": "str"}},
        mutually_exclusive=[("dyno", "type")],
    )


if __name__ == "__main__":
    main()
