#!/usr/bin/python
# Copyright: The Hokku developers
# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
---
module: config_vars
short_description: An application's config vars
version_added: 0.2.0
author: [The Hokku developers (@hokku)]
description:
  - Sets and removes config vars. All changes at once are one release, which rolls out as any other.
  - No value is told, neither in the result nor in the diff nor in an error. Names are.
options:
  app:
    description: The application's name or id.
    type: str
    required: true
  vars:
    description:
      - Names and values. A value is a string, a number, a truth value (which becomes V(true) or V(false)) or null.
      - Null removes the config var.
    type: dict
    required: true
  mode:
    description:
      - With V(merge), config vars that O(vars) does not name stay as they are.
      - With V(exact), they are removed, also those that a build added to the application.
    type: str
    choices: [merge, exact]
    default: merge
  wait:
    description: Whether to wait until the release that a change makes serves, or does not, which fails the module.
    type: bool
    default: false
  wait_timeout:
    description: Seconds to wait. The release goes on when they are over, and the module fails.
    type: int
    default: 900
extends_documentation_fragment:
  - hokku.platform.api
  - ansible.builtin.action_common_attributes
attributes:
  check_mode:
    support: full
  diff_mode:
    support: full
    details: The diff tells names, and of values only that they change.
seealso:
  - module: hokku.platform.config_vars_info
"""

EXAMPLES = r"""
- name: The shop knows where it sells, and has no debugging any more
  hokku.platform.config_vars:
    app: shop
    vars:
      COUNTRY: CH
      PAYMENT_KEY: "{{ vault_payment_key }}"
      DEBUG: null

- name: The shop has these config vars and no others
  hokku.platform.config_vars:
    app: shop
    mode: exact
    vars: "{{ shop_config }}"
"""

RETURN = r"""
actions:
  description: What was done, or would be in check mode.
  returned: always
  type: list
  elements: str
  sample: ["COUNTRY set", "PAYMENT_KEY changed", "DEBUG removed"]
names:
  description: The names of the config vars that the application has then.
  returned: success
  type: list
  elements: str
  sample: ["COUNTRY", "PAYMENT_KEY"]
"""

import re

from ansible_collections.hokku.platform.plugins.module_utils import _releases
from ansible_collections.hokku.platform.plugins.module_utils._api import ApiError, path
from ansible_collections.hokku.platform.plugins.module_utils._app import config_vars
from ansible_collections.hokku.platform.plugins.module_utils._platform import MASK, run

NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,255}")


def text_of(name, value):
    """The value as the API keeps it, or None. Raises ApiError, which does not tell it, for what is no value."""
    if not NAME.fullmatch(name):
        raise ApiError(
            f"Config var name {name[:256]!r} is not valid: use letters, digits and underscores, and do not start with "
            "a digit."
        )
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, (int, float)):
        return str(value)
    if value is not None and not isinstance(value, str):
        raise ApiError(f"The value of config var {name} is a list or a dict: give a string, or null to remove it.")
    if value is not None and "\0" in value:
        raise ApiError(f"The value of config var {name} holds a NUL character, which no environment can hold.")
    return value


def changes(present, wanted, exact):
    """Name → new value, or None where it goes: only what is different."""
    whole = {**dict.fromkeys(present), **wanted} if exact else wanted
    return {name: whole[name] for name in sorted(whole) if whole[name] != present.get(name)}


def told(present, name, value):
    """What happens to one config var, in words."""
    if value is None:
        return f"{name} removed"
    return f"{name} changed" if name in present else f"{name} set"


def work(module):
    app, given, seconds = (module.params[name] for name in ("app", "vars", "wait_timeout"))
    if seconds < 1:
        raise ApiError(f"wait_timeout is {seconds}: give a number of seconds, 1 or more.")
    names = {str(name): value for name, value in given.items()}
    module.conceal(
        "vars",
        {name: None if value is None else MASK for name, value in names.items()},
        [str(value) for value in names.values() if value is not None and not isinstance(value, bool)],
    )
    wanted = {name: text_of(name, value) for name, value in names.items()}
    present = config_vars(module.api, app)
    made = changes(present, wanted, module.params["mode"] == "exact")
    for name, value in made.items():
        module.differs(name, present.get(name), value, secret=True)
    if made:
        first, *others = [told(present, name, value) for name, value in made.items()]
        module.act(first, "PATCH", path("apps", app, "config-vars"), made)
        module.actions += others
    if made and module.params["wait"] and not module.check:
        _releases.serve(module.api, app, _releases.recent(module.api, app, most=1)[0], seconds)
    then = {**present, **made}
    module.done(names=sorted(name for name, value in then.items() if value is not None))


def main():
    run(
        work,
        {
            "app": {"type": "str", "required": True},
            "vars": {"type": "dict", "required": True, "no_log": True},
            "mode": {"type": "str", "choices": ["merge", "exact"], "default": "merge"},
            "wait": {"type": "bool", "default": False},
            "wait_timeout": {"type": "int", "default": 900},
        },
    )


if __name__ == "__main__":
    main()
