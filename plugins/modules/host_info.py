#!/usr/bin/python
# Copyright: The Hokku developers
# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
---
module: host_info
short_description: What the platform's dyno hosts are
version_added: 0.2.0
author: [The Hokku developers (@hokku)]
description:
  - Tells one dyno host or all, with their state, what is wanted of them and what they carry.
  - Wants an admin's token.
options:
  name:
    description:
      - The host's name. Where none is called so, the result is an empty list.
      - Where it is not given, all are told.
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
  - module: hokku.platform.host
"""

EXAMPLES = r"""
- name: How are the hosts?
  hokku.platform.host_info:
  register: hosts
"""

RETURN = r"""
hosts:
  description: The hosts.
  returned: success
  type: list
  elements: dict
  contains:
    address: {description: Its address., type: str, returned: success, sample: 10.0.0.31}
    created_at: {description: Since when it is known., type: str, returned: success}
    drained: {description: Whether nothing of any application is left on it., type: bool, returned: success}
    dynos: {description: How many dynos live on it., type: int, returned: success, sample: 12}
    id: {description: Its id., type: str, returned: success}
    memory_committed: {description: MiB that its dynos may use., type: int, returned: success, sample: 6144}
    memory_total: {description: MiB it has., type: int, returned: success, sample: 7936}
    name: {description: Its name., type: str, returned: success, sample: dyno3}
    oneoffs: {description: How many one-off dynos live on it., type: int, returned: success, sample: 0}
    reason: {description: What a drain waits for or why it is offline., type: str, returned: success}
    state: {description: "V(online), V(offline), V(unreachable) or V(unknown).", type: str, returned: success}
    updated_at: {description: When that changed last., type: str, returned: success}
    wanted: {description: "V(active), V(cordoned) or V(drained).", type: str, returned: success, sample: drained}
"""

from ansible_collections.hokku.platform.plugins.module_utils._api import path
from ansible_collections.hokku.platform.plugins.module_utils._platform import run


def work(module):
    name = module.params["name"]
    if name is None:
        hosts = module.api.list("/hosts")
    else:
        host = module.api.find(path("hosts", name))
        hosts = [] if host is None else [host]
    module.done(hosts=hosts)


def main():
    run(work, {"name": {"type": "str"}})


if __name__ == "__main__":
    main()
