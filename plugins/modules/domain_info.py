#!/usr/bin/python
# Copyright: The Hokku developers
# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
---
module: domain_info
short_description: Tells an application's domains
version_added: 0.2.0
author: [The Hokku developers (@hokku)]
description:
  - Lists the hostnames that are routed to an application.
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
- name: Look at the shop's domains
  hokku.platform.domain_info:
    app: shop
  register: shop

- name: Say what DNS entries have to point to
  ansible.builtin.debug:
    msg: "{{ shop.domains | selectattr('kind', 'eq', 'custom') | items2dict('hostname', 'cname') }}"
"""

RETURN = r"""
actions:
  description: Empty, as nothing is changed.
  returned: always
  type: list
  elements: str
  sample: []
domains:
  description: The application's domains, by hostname, the platform's own first.
  returned: success
  type: list
  elements: dict
  contains:
    hostname:
      description: The hostname.
      type: str
    kind:
      description: V(custom), or V(heroku) for the one that every application has.
      type: str
    cname:
      description: What its DNS entry should point to; none for the platform's own.
      type: str
    certificate:
      description: Name of the certificate that it is served with; none for the platform's own.
      type: str
  sample: [{hostname: www.example.com, kind: custom, cname: shop.apps.example.net, certificate: triceratops-12345}]
"""

from ansible_collections.hokku.platform.plugins.module_utils._api import path
from ansible_collections.hokku.platform.plugins.module_utils._domains import shown
from ansible_collections.hokku.platform.plugins.module_utils._platform import run


def work(module):
    rows = module.api.list(path("apps", module.params["app"], "domains"), "hostname ..")
    rows.sort(key=lambda row: (row["kind"] != "heroku", row["hostname"]))
    module.done(domains=[shown(row) for row in rows])


def main():
    run(work, {"app": {"type": "str", "required": True}})


if __name__ == "__main__":
    main()
