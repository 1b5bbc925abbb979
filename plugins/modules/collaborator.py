#!/usr/bin/python
# Copyright: The Hokku developers
# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
---
module: collaborator
short_description: An application is shared with these accounts
version_added: 0.2.0
author: [The Hokku developers (@hokku)]
description:
  - Lets other accounts of the platform look at an application, push to it and read its log.
  - All collaborators of an application are one task.
options:
  app:
    description: The application's name or id.
    type: str
    required: true
  email:
    description:
      - The email of one account, which is there already. The owner is none of the collaborators, and stays owner.
      - One of O(email) and O(emails) is given.
    type: str
  emails:
    description: The emails of several accounts.
    type: list
    elements: str
  state:
    description: Whether the application is shared with them.
    type: str
    choices: [present, absent]
    default: present
  exact:
    description: Whether all other collaborators are removed.
    type: bool
    default: false
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
- name: Two people work on the shop, and nobody else
  hokku.platform.collaborator:
    app: shop
    emails: [basho@example.com, sora@example.com]
    exact: true

- name: Sora works on something else
  hokku.platform.collaborator:
    app: shop
    email: sora@example.com
    state: absent
"""

RETURN = r"""
actions:
  description: What was done, or would be in check mode.
  returned: always
  type: list
  elements: str
  sample: ["collaborator basho@example.com added"]
owner:
  description: The email of the application's owner, who is none of its collaborators.
  returned: success
  type: str
  sample: matsuo@example.com
collaborators:
  description: The application's collaborators after the task, by email.
  returned: success
  type: list
  elements: dict
  contains:
    email:
      description: The email of the account.
      type: str
    since:
      description: Since when, in UTC; none for one that check mode would add.
      type: str
  sample: [{email: basho@example.com, since: "2026-01-01T12:00:00Z"}]
"""

from ansible_collections.hokku.platform.plugins.module_utils._api import ApiError, path
from ansible_collections.hokku.platform.plugins.module_utils._people import collaborator, email
from ansible_collections.hokku.platform.plugins.module_utils._platform import run
from ansible_collections.hokku.platform.plugins.module_utils._several import argument_spec, constraints, given, moves


def work(module):
    params, app = module.params, module.params["app"]
    wanted, where = given(params, "email", "emails", email), path("apps", app, "collaborators")
    listed = module.api.list(where)
    owner = next(row["user"]["email"] for row in listed if row["role"] == "owner")
    found = {row["user"]["email"].lower(): collaborator(row) for row in listed if row["role"] != "owner"}
    if params["state"] == "absent" and owner.lower() in wanted:
        raise ApiError(f"{owner} owns {app} and cannot be removed from it: transfer the app to another owner first.")
    before = sorted(found)
    added, removed = moves(found, [each for each in wanted if each != owner.lower()], params)
    for each in added:  # all of them before the first change, and in check mode as well
        if module.api.find(path("users", each)) is None:
            raise ApiError(f"There is no account {each}: make it with hokku.platform.account, or ask an admin to.")
    for each in added:
        answer = module.act(f"collaborator {each} added", "POST", where, {"user": each})
        found[each] = collaborator(answer) if answer else {"email": each, "since": None}
    for each in removed:
        module.act(f"collaborator {each} removed", "DELETE", path("apps", app, "collaborators", each))
        del found[each]
    module.differs("collaborators", before, sorted(found))
    module.done(owner=owner, collaborators=[found[each] for each in sorted(found)])


def main():
    spec = {"app": {"type": "str", "required": True}, **argument_spec("email", "emails")}
    run(work, spec, **constraints("email", "emails"))


if __name__ == "__main__":
    main()
