#!/usr/bin/python
# Copyright: The Hokku developers
# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
---
module: drain_info
short_description: Tells an application's drains
version_added: 0.2.0
author: [The Hokku developers (@hokku)]
description:
  - Lists where an application's log lines are forwarded to.
options:
  app:
    description: The application's name or id.
    type: str
    required: true
  with_urls:
    description:
      - Whether each drain's whole URL is told, which may hold a password or a token. Give the task C(no_log) then.
    type: bool
    default: false
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
- name: Look at the shop's drains
  hokku.platform.drain_info:
    app: shop
"""

RETURN = r"""
actions:
  description: Empty, as nothing is changed.
  returned: always
  type: list
  elements: str
  sample: []
drains:
  description: The application's drains, the oldest first.
  returned: success
  type: list
  elements: dict
  contains:
    id:
      description: The drain's id.
      type: str
    token:
      description: What it is called in each line that is sent to it. It is no credential.
      type: str
    where:
      description: Host, port and scheme of its URL, the rest of which O(with_urls) tells.
      type: str
    url:
      description: Its whole URL.
      returned: when O(with_urls=true)
      type: str
"""

from ansible_collections.hokku.platform.plugins.module_utils._api import path
from ansible_collections.hokku.platform.plugins.module_utils._drains import shown
from ansible_collections.hokku.platform.plugins.module_utils._platform import run


def work(module):
    rows = module.api.list(path("apps", module.params["app"], "log-drains"), "created_at ..")
    whole = module.params["with_urls"]
    module.done(drains=[shown(row) | ({"url": row["url"]} if whole else {}) for row in rows])


def main():
    run(work, {"app": {"type": "str", "required": True}, "with_urls": {"type": "bool", "default": False}})


if __name__ == "__main__":
    main()
