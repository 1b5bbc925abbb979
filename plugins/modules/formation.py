#!/usr/bin/python
# Copyright: The Hokku developers
# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
---
module: formation
short_description: The dynos that an application shall have
version_added: 0.2.0
author: [The Hokku developers (@hokku)]
description:
  - Scales all process types of an application at once, by one request, and waits until it is so.
options:
  app:
    description: The application's name or id.
    type: str
    required: true
  processes:
    description:
      - Each process type with the number of its dynos, or with a dict of C(quantity) and C(size). What is left out of
        it stays as it is.
      - A type is one of the application's Procfile. Sizes are those of C(heroku ps:type), in any case.
    type: dict
    required: true
  purge:
    description: Whether process types that are not named get 0 dynos. Otherwise they stay as they are.
    type: bool
    default: false
  wait:
    description:
      - Whether to wait until every dyno that is wanted is up, and those that are not wanted any more leave.
      - Also where nothing changes. A dyno that stays crashed ends the waiting with a failure.
      - A web dyno is up when it accepts connections. Others are when they run, so new ones have to do so for as
        long as the slowest start took, 10 seconds at least.
    type: bool
    default: true
  wait_timeout:
    description: Seconds to wait at most.
    type: int
    default: 300
extends_documentation_fragment:
  - hokku.platform.api
  - ansible.builtin.action_common_attributes
attributes:
  check_mode:
    support: full
  diff_mode:
    support: full
seealso:
  - module: hokku.platform.formation_info
  - module: hokku.platform.dyno_info
"""

EXAMPLES = r"""
- name: The shop has three web dynos and a worker, and nothing else
  hokku.platform.formation:
    app: shop
    processes:
      web:
        quantity: 3
        size: basic
      worker: 1
    purge: true
"""

RETURN = r"""
actions:
  description: What was done, or would be in check mode.
  returned: always
  type: list
  elements: str
  sample: ["web scaled to 3:Basic"]
formation:
  description: All process types of the application, as they are wanted then.
  returned: success
  type: list
  elements: dict
  contains:
    command: {description: What its dynos run., type: str, returned: success, sample: gunicorn shop}
    quantity: {description: How many dynos., type: int, returned: success, sample: 3}
    size: {description: Of what size., type: str, returned: success, sample: Basic}
    type: {description: The process type., type: str, returned: success, sample: web}
dynos:
  description: The dynos of the types that were waited for.
  returned: when it was waited for
  type: list
  elements: dict
  contains:
    command: {description: What it runs., type: str, returned: success}
    created_at: {description: When it was made., type: str, returned: success}
    id: {description: Its id., type: str, returned: success}
    name: {description: Its name., type: str, returned: success, sample: web.1}
    release: {description: The version of its release., type: int, returned: success, sample: 12}
    size: {description: Its size., type: str, returned: success, sample: Basic}
    state: {description: Its state., type: str, returned: success, sample: up}
    type: {description: Its process type., type: str, returned: success, sample: web}
    updated_at: {description: When that changed last., type: str, returned: success}
"""

from ansible_collections.hokku.platform.plugins.module_utils import _formation as rules
from ansible_collections.hokku.platform.plugins.module_utils._api import ApiError, path, until
from ansible_collections.hokku.platform.plugins.module_utils._app import dynos, formation
from ansible_collections.hokku.platform.plugins.module_utils._platform import run


def change(module, wanted):
    """Have the formation; all process types as they are wanted then."""
    app = module.params["app"]
    found = formation(module.api, app)
    made = rules.updates(app, found, wanted, module.params["purge"])
    if any("size" in update for update in made):
        sizes = module.api.list(path("apps", app, "available-dyno-sizes"), "name ..")
        made = rules.checked_sizes(made, [size["name"] for size in sizes])
    then = rules.after(found, made)
    before, after = rules.short(found), rules.short(then)
    changed = [kind for kind in after if module.differs(kind, before[kind], after[kind])]
    if made:
        first, *others = [f"{kind} scaled to {after[kind]}" for kind in changed]
        module.act(first, "PATCH", path("apps", app, "formation"), {"updates": made})
        module.actions += others
    return then


def work(module):
    app, limit = module.params["app"], module.params["wait_timeout"]
    if limit < 1:
        raise ApiError(f"wait_timeout is {limit}: give a number of seconds, 1 or more.")
    wanted = rules.wanted_of(module.params["processes"])
    then = change(module, wanted)
    result = {"formation": then}
    if module.params["wait"] and not module.check:
        named = [row for row in then if row["type"] in wanted or module.params["purge"]]
        watch = rules.Watch(module.api, app, named, dynos)
        result.update(until(limit, watch.state, watch.look))
    module.done(**result)


def main():
    run(
        work,
        {
            "app": {"type": "str", "required": True},
            "processes": {"type": "dict", "required": True},
            "purge": {"type": "bool", "default": False},
            "wait": {"type": "bool", "default": True},
            "wait_timeout": {"type": "int", "default": 300},
        },
    )


if __name__ == "__main__":
    main()
