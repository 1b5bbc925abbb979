#!/usr/bin/python
# Copyright: The Hokku developers
# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
---
module: collaborator_info
short_description: Tells with whom an application is shared
version_added: 0.2.0
author: [The Hokku developers (@hokku)]
description:
  - Tells an application's owner and its collaborators.
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
    support: none
  platform:
    platforms: posix
"""

EXAMPLES = r"""
- name: Look at who works on the shop
  hokku.platform.collaborator_info:
    app: shop
"""

RETURN = r"""
actions:
  description: Empty, as nothing is changed.
  returned: always
  type: list
  elements: str
  sample: []
owner:
  description: The email of the application's owner, who is none of its collaborators.
  returned: success
  type: str
  sample: matsuo@example.com
collaborators:
  description: The application's collaborators, by email.
  returned: success
  type: list
  elements: dict
  contains:
    email:
      description: The email of the account.
      type: str
    since:
      description: Since when, in UTC.
      type: str
  sample: [{email: basho@example.com, since: "2026-01-01T12:00:00Z"}]
"""

from ansible_collections.hokku.platform.plugins.module_utils._api import path
from ansible_collections.hokku.platform.plugins.module_utils._people import collaborator
from ansible_collections.hokku.platform.plugins.module_utils._platform import run


def work(module):
    rows = module.api.list(path("apps", module.params["app"], "collaborators"))
    owner = next(row["user"]["email"] for row in rows if row["role"] == "owner")
    found = [collaborator(row) for row in rows if row["role"] != "owner"]
    module.done(owner=owner, collaborators=sorted(found, key=lambda each: each["email"].lower()))


def main():
    run(work, {"app": {"type": "str", "required": True}})


if __name__ == "__main__":
    main()
