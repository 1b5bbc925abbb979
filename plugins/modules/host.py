#!/usr/bin/python
# Copyright: The Hokku developers
# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
---
module: host
short_description: What is wanted of a dyno host
version_added: 0.2.0
author: [The Hokku developers (@hokku)]
description:
  - Takes a host out of use and back into it. A drained host's dynos are replaced elsewhere first, each up and routed
    before the one it replaces leaves, so that no request fails.
  - Wants an admin's token.
options:
  name:
    description: The host's name, as in the inventory.
    type: str
    required: true
  state:
    description:
      - With V(absent), what is wanted of it is forgotten. That is for a host that was taken out of the platform's
        settings, and refused before.
    type: str
    choices: [present, absent]
    default: present
  wanted:
    description:
      - An V(active) host gets dynos, a V(cordoned) one keeps its own and gets no new ones, a V(drained) one gets rid of
        its own too. One-off dynos are waited for, until they end by themselves or by their time to live.
      - Wanted by O(state=present).
    type: str
    choices: [active, cordoned, drained]
  wait:
    description: Whether to wait until nothing of any application is left on a host that is drained.
    type: bool
    default: true
  wait_timeout:
    description: Seconds to wait at most. The host goes on draining after it.
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
seealso:
  - module: hokku.platform.host_info
"""

EXAMPLES = r"""
- name: Nothing is left on dyno3 before its kernel is replaced
  hokku.platform.host:
    name: dyno3
    wanted: drained

- name: It gets dynos again
  hokku.platform.host:
    name: dyno3
    wanted: active
"""

RETURN = r"""
actions:
  description: What was done, or would be in check mode.
  returned: always
  type: list
  elements: str
  sample: ["dyno3 is to be drained"]
host:
  description: The host as it is.
  returned: when it is there
  type: dict
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

from ansible_collections.hokku.platform.plugins.module_utils._api import ApiError, path, until
from ansible_collections.hokku.platform.plugins.module_utils._platform import run


def forget(module, where):
    name = module.params["name"]
    if module.api.find(where) is not None:
        module.differs("state", "present", "absent")
        module.act(f"{name} forgotten", "DELETE", where)
    module.done()


class Drain:
    """Looks whether nothing is left on a host. `look()` is for `until`."""

    def __init__(self, module, where, host):
        self._module, self._where = module, where
        self._seen = host

    def look(self):
        """The host, once it is drained. Raises ApiError when that is not wanted of it any more."""
        self._seen = self._module.api.get(self._where)
        if self._seen["wanted"] != "drained":
            raise ApiError(
                f"{self._seen['name']} is not drained: meanwhile somebody else wants it {self._seen['wanted']}."
            )
        return self._seen if self._seen["drained"] else None

    def state(self):
        """What it waits for, for the sentence of a failure."""
        host = self._seen
        left = f"dynos on it: {host['dynos']}, one-off dynos: {host['oneoffs']}"
        reason = host["reason"].rstrip(".") if host["reason"] else left
        return f"{host['name']} goes on draining ({reason}): run this again to go on waiting. The waiting ended"


def work(module):
    name, wanted, limit = (module.params[each] for each in ("name", "wanted", "wait_timeout"))
    if limit < 1:
        raise ApiError(f"wait_timeout is {limit}: give a number of seconds, 1 or more.")
    where = path("hosts", name)
    if module.params["state"] == "absent":
        forget(module, where)
    host = module.api.find(where)
    if host is None:
        raise ApiError(f"There is no host {name}: hokku.platform.host_info tells those there are.")
    if module.differs("wanted", host["wanted"], wanted):
        host = module.act(f"{name} is to be {wanted}", "PATCH", where, {"wanted": wanted}) or host
    if wanted == "drained" and module.params["wait"] and not module.check:
        drain = Drain(module, where, host)
        host = until(limit, drain.state, drain.look)
    module.done(host=host)


def main():
    run(
        work,
        {
            "name": {"type": "str", "required": True},
            "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
            "wanted": {"type": "str", "choices": ["active", "cordoned", "drained"]},
            "wait": {"type": "bool", "default": True},
            "wait_timeout": {"type": "int", "default": 900},
        },
        required_if=[("state", "present", ["wanted"])],
    )


if __name__ == "__main__":
    main()
