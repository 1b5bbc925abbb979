#!/usr/bin/python
# Copyright: The Hokku developers
# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
---
module: platform_checks
short_description: Every part of the platform is well
version_added: 0.2.0
author: [The Hokku developers (@hokku)]
description:
  - Has the platform check its parts, and fails with what is wrong and its remedy where one fails.
  - Waits for parts that were just restarted. An API that does not answer yet is waited for, too.
  - Wants an admin's token.
options:
  parts:
    description: Only these parts, such as V(manifold). All where none is given.
    type: list
    elements: str
    default: []
  wait_timeout:
    description: Seconds to wait until none of them fails.
    type: int
    default: 60
extends_documentation_fragment:
  - hokku.platform.api
  - ansible.builtin.action_common_attributes
attributes:
  check_mode:
    support: full
  diff_mode:
    support: N/A
    details: It changes nothing.
"""

EXAMPLES = r"""
- name: The manifold is well after its restart
  hokku.platform.platform_checks:
    parts: [database, manifold]
"""

RETURN = r"""
actions:
  description: Empty, as nothing is changed.
  returned: always
  type: list
  elements: str
  sample: []
checks:
  description: What was checked. What only deserves attention has the state V(warning).
  returned: success
  type: list
  elements: dict
  sample: [{part: manifold, name: manifold, state: ok, message: "It reported 1 s ago.", remedy: null}]
"""

from ansible_collections.hokku.platform.plugins.module_utils._api import ApiError, until
from ansible_collections.hokku.platform.plugins.module_utils._platform import run


class Checks:
    """Looks at the checks until none fails. `look()` is for `until`."""

    def __init__(self, api, parts):
        self.api, self.parts = api, parts
        self._wrong = "nothing was checked"

    def look(self):
        """The checks, in a list of one, once none fails. Raises ApiError where another look would not help."""
        try:
            found = self.api.get("/platform/checks")
        except ApiError as error:
            if 400 <= error.status < 500:
                raise
            self._wrong = str(error).rstrip(".")
            return None
        known = {each["part"] for each in found}
        missing = [part for part in self.parts if part not in known]
        if missing:
            raise ApiError(f"There is no part {missing[0]} to check: use {', '.join(sorted(known))}.")
        asked = [each for each in found if not self.parts or each["part"] in self.parts]
        failed = [each for each in asked if each["state"] == "failed"]
        if not failed:
            return [asked]
        self._wrong = "; ".join(
            f"{each['name']}: {each['message'].rstrip('.')}{_remedy(each['remedy'])}" for each in failed
        )
        return None

    def state(self):
        """What was wrong at the last look, for the sentence of a failure."""
        return f"Not all is well: {self._wrong}. The waiting for it ended"


def _remedy(text):
    return f" ({text.rstrip('.')})" if text else ""


def work(module):
    limit = module.params["wait_timeout"]
    if limit < 1:
        raise ApiError(f"wait_timeout is {limit}: give a number of seconds, 1 or more.")
    checks = Checks(module.api, module.params["parts"])
    module.done(checks=until(limit, checks.state, checks.look)[0])


def main():
    run(
        work,
        {
            "parts": {"type": "list", "elements": "str", "default": []},
            "wait_timeout": {"type": "int", "default": 60},
        },
    )


if __name__ == "__main__":
    main()
