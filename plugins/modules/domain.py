#!/usr/bin/python
# Copyright: The Hokku developers
# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
---
module: domain
short_description: An application's domains are these
version_added: 0.2.0
author: [The Hokku developers (@hokku)]
description:
  - Routes hostnames to an application beside the one of the platform's, and says which certificate serves them.
  - All domains of an application are one task.
options:
  app:
    description: The application's name or id.
    type: str
    required: true
  hostname:
    description:
      - One hostname, such as V(www.example.com) or V(*.example.com). Names beyond ASCII are kept in their IDNA form.
      - One of O(hostname) and O(hostnames) is given.
    type: str
  hostnames:
    description: Several hostnames.
    type: list
    elements: str
  state:
    description: Whether they are the application's domains.
    type: str
    choices: [present, absent]
    default: present
  exact:
    description: Whether all its other domains are removed. The one that the platform gives it stays.
    type: bool
    default: false
  certificate:
    description:
      - Name or id of the application's certificate that they are served with. An empty text means the platform's own.
      - Where it is not given, domains that are there are served as before.
      - M(hokku.platform.certificate) adds certificates, and can say their domains as well.
    type: str
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
- name: The shop answers at both names and no other
  hokku.platform.domain:
    app: shop
    hostnames: [www.example.com, shop.example.com]
    exact: true

- name: The old name leads here no longer
  hokku.platform.domain:
    app: shop
    hostname: old.example.com
    state: absent
"""

RETURN = r"""
actions:
  description: What was done, or would be in check mode.
  returned: always
  type: list
  elements: str
  sample: ["domain www.example.com added"]
domains:
  description: The application's domains after the task, by hostname.
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

from ansible_collections.hokku.platform.plugins.module_utils._api import ApiError, path
from ansible_collections.hokku.platform.plugins.module_utils._domains import hostname, shown
from ansible_collections.hokku.platform.plugins.module_utils._platform import run
from ansible_collections.hokku.platform.plugins.module_utils._several import argument_spec, constraints, given, moves


def certificate_of(module, app, named):
    """The reference to the application's certificate with this name or id; None for the platform's own."""
    if not named:
        return None
    found = module.api.find(path("apps", app, "sni-endpoints", named))
    if found is None:
        raise ApiError(f"{app} has no certificate {named!r}: add it with hokku.platform.certificate first.")
    return {"id": found["id"], "name": found["name"]}


def served(row, named):
    """Whether the domain is served with the certificate of this name or id."""
    endpoint = row["sni_endpoint"] or {"id": "", "name": ""}
    return named in (endpoint["id"], endpoint["name"])


def summary(rows):
    return {name: rows[name]["sni_endpoint"] and rows[name]["sni_endpoint"]["name"] for name in sorted(rows)}


def work(module):
    params, app = module.params, module.params["app"]
    wanted, named = given(params, "hostname", "hostnames", hostname), params["certificate"]
    if named is not None and params["state"] == "absent":
        raise ApiError("certificate says how domains are served: it does not go with state absent.")
    where = path("apps", app, "domains")
    listed = module.api.list(where, "hostname ..")
    own = next(row for row in listed if row["kind"] == "heroku")
    if own["hostname"] in wanted:
        raise ApiError(f"{own['hostname']} is the platform's own domain of {app}: it is neither added nor removed.")
    platforms = own["hostname"].partition(".")[2]
    for name in wanted if params["state"] == "present" else ():
        if f".{name.removeprefix('*.')}".endswith(f".{platforms}"):
            raise ApiError(f"{name} belongs to the platform: every app has APP.{platforms} already.")
    found = {row["hostname"]: row for row in listed if row["kind"] != "heroku"}
    before = summary(found)
    added, removed = moves(found, wanted, params)
    moved = [name for name in wanted if name in found and named is not None and not served(found[name], named)]
    endpoint = certificate_of(module, app, named) if added or moved else None
    said = f"certificate {endpoint['name']}" if endpoint else "the platform's own certificate"
    for name in added:
        body = {"hostname": name} | ({"sni_endpoint": endpoint["id"]} if endpoint else {})
        planned = {"hostname": name, "kind": "custom", "cname": own["hostname"], "sni_endpoint": endpoint}
        found[name] = module.act(f"domain {name} added", "POST", where, body) or planned
    for name in moved:
        body = {"sni_endpoint": endpoint["id"] if endpoint else None}
        answer = module.act(f"domain {name} served with {said}", "PATCH", path("apps", app, "domains", name), body)
        found[name] = answer or found[name] | {"sni_endpoint": endpoint}
    for name in removed:
        module.act(f"domain {name} removed", "DELETE", path("apps", app, "domains", name))
        del found[name]
    module.differs("domains", before, summary(found))
    module.done(domains=[shown(row) for row in (own, *(found[name] for name in sorted(found)))])


def main():
    spec = {
        "app": {"type": "str", "required": True},
        **argument_spec("hostname", "hostnames"),
        "certificate": {"type": "str"},
    }
    run(work, spec, **constraints("hostname", "hostnames"))


if __name__ == "__main__":
    main()
