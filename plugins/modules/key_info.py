#!/usr/bin/python
# Copyright: The Hokku developers
# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
---
module: key_info
short_description: Tells the SSH keys of the acting account
version_added: 0.2.0
author: [The Hokku developers (@hokku)]
description:
  - Lists the SSH public keys that may push for the account whose token acts.
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
- name: Look at the keys
  hokku.platform.key_info:
"""

RETURN = r"""
actions:
  description: Empty, as nothing is changed.
  returned: always
  type: list
  elements: str
  sample: []
keys:
  description: The account's keys, the oldest first.
  returned: success
  type: list
  elements: dict
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

from ansible_collections.hokku.platform.plugins.module_utils._platform import run
from ansible_collections.hokku.platform.plugins.module_utils._ssh_keys import shown


def work(module):
    module.done(keys=[shown(row) for row in module.api.list("/account/keys", "created_at ..")])


def main():
    run(work, {})


if __name__ == "__main__":
    main()
