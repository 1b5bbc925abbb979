#!/usr/bin/python
# Copyright: The Hokku developers
# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
---
module: app_info
short_description: What applications are
version_added: 0.2.0
author: [The Hokku developers (@hokku)]
description:
  - Tells everything that one application is, or each one that the account may see.
options:
  app:
    description:
      - The application's name or id. Where none is called so, the result is an empty list.
      - Where it is not given, all are told that the account may see, by as many requests each as there are O(parts).
    type: str
  parts:
    description: What is told besides the application itself.
    type: list
    elements: str
    choices: [formation, domains, buildpacks, collaborators, drains, config_vars, releases]
    default: [formation, domains, buildpacks, collaborators, drains, config_vars, releases]
  releases:
    description: How many of the newest releases are told.
    type: int
    default: 5
  secrets:
    description:
      - Whether to tell values of config vars, and user, password and query of the URLs of drains and buildpacks.
      - Give the task C(no_log) then.
    type: bool
    default: false
extends_documentation_fragment:
  - hokku.platform.api
  - ansible.builtin.action_common_attributes
attributes:
  check_mode:
    support: full
  diff_mode:
    support: N/A
    details: It changes nothing.
seealso:
  - module: hokku.platform.app
"""

EXAMPLES = r"""
- name: What is the shop?
  hokku.platform.app_info:
    app: shop
  register: shop

- name: Which applications are there, and whose?
  hokku.platform.app_info:
    parts: [collaborators]
  register: all_apps
"""

RETURN = r"""
apps:
  description: The applications, in the order of their names.
  returned: success
  type: list
  elements: dict
  contains:
    build_stack: {description: The stack of the next build., type: str, returned: success, sample: debian-12}
    buildpacks:
      description: The buildpacks of the next build, in their order.
      returned: when O(parts) has it
      type: list
      elements: str
      sample: ["heroku/nodejs", "heroku/python"]
    collaborators:
      description: Who may use it, in the role of V(owner) or V(collaborator).
      returned: when O(parts) has it
      type: list
      elements: dict
      sample: [{role: owner, user: ann@example.com}]
    config_var_names:
      description: The names of its config vars.
      returned: when O(parts) has config_vars
      type: list
      elements: str
      sample: ["COUNTRY", "PAYMENT_KEY"]
    config_vars:
      description: Its config vars with their values.
      returned: when O(parts) has it and O(secrets) is true
      type: dict
    created_at: {description: When it was created., type: str, returned: success, sample: "2026-01-01T12:00:00Z"}
    domains:
      description: The host names that lead to it. Its own one is of kind V(heroku).
      returned: when O(parts) has it
      type: list
      elements: dict
      sample: [{certificate: null, cname: shop.apps.example.com, hostname: www.example.com, kind: custom}]
    drains:
      description: Where its log lines go.
      returned: when O(parts) has it
      type: list
      elements: dict
      sample: [{id: 2c6c2e8a-93e8-4ae1-9c70-8b7e0b6bb3f2, url: "syslog+tls://logs.example.com:6514"}]
    formation:
      description: Its process types.
      returned: when O(parts) has it
      type: list
      elements: dict
      sample: [{command: gunicorn shop, quantity: 3, size: Basic, type: web}]
    git_url: {description: Where to push., type: str, returned: success}
    id: {description: Its id., type: str, returned: success}
    language: {description: What its slug was built as., type: str, returned: success, sample: Python}
    maintenance: {description: Whether maintenance mode is on., type: bool, returned: success}
    name: {description: Its name., type: str, returned: success, sample: shop}
    owner: {description: Its owner's email., type: str, returned: success, sample: ann@example.com}
    region: {description: Where it runs., type: str, returned: success}
    released_at: {description: When it was released last., type: str, returned: success}
    releases:
      description: Its newest releases, the newest first.
      returned: when O(parts) has it
      type: list
      elements: dict
      sample:
        - created_at: "2026-01-01T12:00:00Z"
          current: true
          description: Deploy 1a2b3c4d
          slug: 0f4c7e1a-4c0d-4dbb-9d3e-2d9b7c6f7a55
          status: succeeded
          user: ann@example.com
          version: 12
    slug_size: {description: Bytes of its slug., type: int, returned: success}
    stack: {description: The stack that runs., type: str, returned: success, sample: debian-12}
    web_url: {description: Where it answers., type: str, returned: success}
"""

from ansible_collections.hokku.platform.plugins.module_utils import _app as told
from ansible_collections.hokku.platform.plugins.module_utils._api import ApiError, path
from ansible_collections.hokku.platform.plugins.module_utils._platform import run

PARTS = ["formation", "domains", "buildpacks", "collaborators", "drains", "config_vars", "releases"]


def whole(module, app):
    """The app and the parts of it that are asked for."""
    api, identity, secrets = module.api, app["id"], module.params["secrets"]
    found = told.about(app)
    for part in module.params["parts"]:
        if part == "config_vars":
            values = told.config_vars(api, identity)
            found["config_var_names"] = sorted(values)
            if secrets:
                found["config_vars"] = values
        elif part == "releases":
            found[part] = told.releases(api, identity, module.params["releases"])
        elif part in ("buildpacks", "drains"):
            found[part] = getattr(told, part)(api, identity, secrets)
        else:
            found[part] = getattr(told, part)(api, identity)
    return found


def work(module):
    if not 0 <= module.params["releases"] <= 1000:
        raise ApiError(f"releases is {module.params['releases']}: give a number from 0 to 1000.")
    if module.params["app"] is None:
        apps = module.api.list("/apps", "name ..")
    else:
        app = module.api.find(path("apps", module.params["app"]))
        apps = [] if app is None else [app]
    module.done(apps=[whole(module, app) for app in apps])


def main():
    run(
        work,
        {
            "app": {"type": "str"},
            "parts": {"type": "list", "elements": "str", "choices": PARTS, "default": PARTS},
            "releases": {"type": "int", "default": 5},
            "secrets": {"type": "bool", "default": False, "no_log": False},
        },
    )


if __name__ == "__main__":
    main()
