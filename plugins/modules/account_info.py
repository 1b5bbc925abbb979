#!/usr/bin/python
# Copyright: The Hokku developers
# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
---
module: account_info
short_description: Tells the platform's accounts
version_added: 0.2.0
author: [The Hokku developers (@hokku)]
description:
  - Tells one account, or all of them, which takes an admin's token.
options:
  email:
    description:
      - The email or id of one account; V(~) is the one that acts. Where there is none such, none is told.
      - Where it is not given, all are told.
    type: str
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
- name: Look at whose token this is
  hokku.platform.account_info:
    email: "~"

- name: Look at all accounts
  hokku.platform.account_info:
"""

RETURN = r"""
actions:
  description: Empty, as nothing is changed.
  returned: always
  type: list
  elements: str
  sample: []
accounts:
  description: The accounts, by email.
  returned: success
  type: list
  elements: dict
  contains:
    id:
      description: The account's id.
      type: str
    email:
      description: Its email.
      type: str
    name:
      description: The name of whose it is.
      type: str
    created_at:
      description: When it was made, in UTC.
      type: str
    updated_at:
      description: When it was changed last, in UTC.
      type: str
"""

from ansible_collections.hokku.platform.plugins.module_utils._api import path
from ansible_collections.hokku.platform.plugins.module_utils._people import account
from ansible_collections.hokku.platform.plugins.module_utils._platform import run


def work(module):
    email = module.params["email"]
    rows = module.api.list("/accounts") if email is None else [module.api.find(path("users", email))]
    found = [account(row) for row in rows if row is not None]
    module.done(accounts=sorted(found, key=lambda each: each["email"].lower()))


def main():
    run(work, {"email": {"type": "str"}})


if __name__ == "__main__":
    main()
