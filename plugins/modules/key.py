#!/usr/bin/python
# Copyright: The Hokku developers
# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
---
module: key
short_description: An SSH key may push for the acting account
version_added: 0.2.0
author: [The Hokku developers (@hokku)]
description:
  - Adds an SSH public key to the account whose token acts, or removes it.
  - A key is the same when its fingerprint is. The comment of one that is there is left as it is.
options:
  public_key:
    description: The public key, the one line of a C(.pub) file.
    type: str
    required: true
  state:
    description: Whether the key may push.
    type: str
    choices: [present, absent]
    default: present
extends_documentation_fragment:
  - hokku.platform.api
  - ansible.builtin.action_common_attributes
attributes:
  check_mode:
    support: full
  diff_mode:
    support: full
  platform:
    platforms: posix
"""

EXAMPLES = r"""
- name: The build server may push
  hokku.platform.key:
    public_key: "{{ lookup('file', 'ci.pub') }}"
"""

RETURN = r"""
actions:
  description: What was done, or would be in check mode.
  returned: always
  type: list
  elements: str
  sample: ["key SHA256:uNiVztksCsDhcc0u9e8BrrQXVUpkFDIUFzOG0qDYnKE added"]
key:
  description: The key after the task.
  returned: when there is one; in check mode not one that would be added
  type: dict
  contains:
    id:
      description: The key's id.
      type: str
    fingerprint:
      description: Its fingerprint, as C(ssh-keygen -l) prints it.
      type: str
    comment:
      description: The comment that it was added with.
      type: str
    public_key:
      description: The key in one line, as in a C(.pub) file.
      type: str
    created_at:
      description: When it was added, in UTC.
      type: str
"""

from ansible_collections.hokku.platform.plugins.module_utils._api import path
from ansible_collections.hokku.platform.plugins.module_utils._platform import run
from ansible_collections.hokku.platform.plugins.module_utils._ssh_keys import fingerprint, shown


def work(module):
    line, wanted = module.params["public_key"].strip(), module.params["state"] == "present"
    if "PRIVATE KEY" in line:
        module.keep_secret(module.params["public_key"])
    mark = fingerprint(line)
    row = next((one for one in module.api.list("/account/keys") if one["fingerprint"] == mark), None)
    if module.differs("key", row and row["fingerprint"], mark if wanted else None):
        if wanted:
            row = module.act(f"key {mark} added", "POST", "/account/keys", {"public_key": line})
        else:
            module.act(f"key {mark} removed", "DELETE", path("account", "keys", row["id"]))
            row = None
    module.done(**({"key": shown(row)} if row else {}))


def main():
    run(
        work,
        {
            "public_key": {"type": "str", "required": True, "no_log": False},
            "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
        },
    )


if __name__ == "__main__":
    main()
