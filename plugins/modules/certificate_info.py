#!/usr/bin/python
# Copyright: The Hokku developers
# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
---
module: certificate_info
short_description: Tells an application's certificates
version_added: 0.2.0
author: [The Hokku developers (@hokku)]
description:
  - Lists an application's certificates (SNI endpoints), until when they are valid, and which domains they serve.
  - Private keys cannot be read from the platform.
options:
  app:
    description: The application's name or id.
    type: str
    required: true
  name:
    description: Name or id of one certificate. Where it is not given, all are told.
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
- name: Look at the shop's certificates
  hokku.platform.certificate_info:
    app: shop
  register: shop

- name: None of them ends within 20 days
  ansible.builtin.assert:
    that: item.expires_at > '%Y-%m-%dT%H:%M:%SZ' | strftime(now().timestamp() + 20 * 86400, utc=true)
  loop: "{{ shop.certificates }}"
  loop_control:
    label: "{{ item.name }}"
"""

RETURN = r"""
actions:
  description: Empty, as nothing is changed.
  returned: always
  type: list
  elements: str
  sample: []
certificates:
  description: The certificates, the oldest first.
  returned: success
  type: list
  elements: dict
  contains:
    id:
      description: Id of the endpoint that holds it.
      type: str
    name:
      description: Name of the endpoint, which the platform chose.
      type: str
    domains:
      description: The application's hostnames that are served with it.
      type: list
      elements: str
    fingerprint:
      description: SHA-256 of the certificate, as C(openssl x509 -fingerprint -sha256) prints it.
      type: str
    cert_domains:
      description: Hostnames that the certificate is good for.
      type: list
      elements: str
    starts_at:
      description: When it begins to be valid, in UTC.
      type: str
    expires_at:
      description: When it ends to be valid, in UTC.
      type: str
    issuer:
      description: Who signed it.
      type: str
    subject:
      description: Whom it names.
      type: str
    self_signed:
      description: Whether it signed itself.
      type: bool
    ca_signed:
      description: Whether an authority signed it that the platform trusts.
      type: bool
    certificate_chain:
      description: The certificate and those that signed it, in PEM.
      type: str
"""

from ansible_collections.hokku.platform.plugins.module_utils._api import ApiError, path
from ansible_collections.hokku.platform.plugins.module_utils._certificates import shown
from ansible_collections.hokku.platform.plugins.module_utils._platform import run


def work(module):
    app, name = module.params["app"], module.params["name"]
    rows = module.api.list(path("apps", app, "sni-endpoints"), "created_at ..")
    if name is not None:
        rows = [row for row in rows if name in (row["id"], row["name"])]
        if not rows:
            raise ApiError(f"{app} has no certificate {name!r}: leave name out to see those it has.")
    domains = {row["id"]: row["hostname"] for row in module.api.list(path("apps", app, "domains"), "hostname ..")}
    found = []
    for row in rows:
        hostnames = [domains[one] for one in row["domains"] if one in domains]
        found.append(shown(row, hostnames) | {"certificate_chain": row["certificate_chain"]})
    module.done(certificates=found)


def main():
    run(work, {"app": {"type": "str", "required": True}, "name": {"type": "str"}})


if __name__ == "__main__":
    main()
