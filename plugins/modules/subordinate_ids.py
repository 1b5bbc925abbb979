#!/usr/bin/python
# Copyright: The Hokku developers
# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
---
module: subordinate_ids
short_description: The ids that containers of this machine may use exist on this machine
version_added: 0.1.0
author: [The Hokku developers (@hokku)]
description:
  - Debian gives C(root) and C(_lxd) ten million ids from 100000 or 10000000. A machine that is a container itself has
    fewer ids than that, and no container starts on it. There, the module writes a range that fits; on any other
    machine it leaves Debian's.
  - Lines of other users are left as they are.
options:
  users:
    description: The users whose range it is.
    type: list
    elements: str
    default: [_lxd, root]
  first:
    description: The first id of the range.
    type: int
    default: 1000000
extends_documentation_fragment:
  - ansible.builtin.action_common_attributes
attributes:
  check_mode:
    support: full
  diff_mode:
    description: Shows the lines that change.
    support: full
  platform:
    platforms: debian
"""

EXAMPLES = r"""
- name: Containers have ids that exist here
  hokku.platform.subordinate_ids:
"""

RETURN = r"""
nested:
  description: Whether this machine has only a part of all ids, as a container has.
  returned: always
  type: bool
"""

import os

from ansible.module_utils.basic import AnsibleModule

ALL_IDS = 4294967295
LEAST = 65536


def available(id_map):
    """How many ids from 0 on a machine has, by the text of /proc/self/uid_map; stops at the first gap."""
    end = 0
    for inside, _outside, count in sorted(tuple(map(int, line.split())) for line in id_map.splitlines()):
        if inside > end:
            break
        end = max(end, inside + count)
    return end


def rewrite(text, users, first, count):
    """The text of /etc/subuid with exactly one range for each of `users`; other lines stay."""
    others = [line for line in text.splitlines() if line.split(":")[0] not in users]
    return "".join(f"{line}\n" for line in others + [f"{user}:{first}:{count}" for user in users])


def replace(path, content):
    """Write the file in one step."""
    temporary = f"{path}.hokku"
    with open(temporary, "w", encoding="utf-8") as file:
        file.write(content)
    os.chmod(temporary, 0o644)
    os.replace(temporary, path)


def main():
    module = AnsibleModule(
        argument_spec={
            "users": {"type": "list", "elements": "str", "default": ["_lxd", "root"]},
            "first": {"type": "int", "default": 1000000},
        },
        supports_check_mode=True,
    )
    first = module.params["first"]
    nested, diff = False, []
    for path, id_map in (("/etc/subuid", "/proc/self/uid_map"), ("/etc/subgid", "/proc/self/gid_map")):
        with open(id_map, encoding="ascii") as file:
            have = available(file.read())
        if have >= ALL_IDS:
            continue
        nested = True
        if have - first < LEAST:
            module.fail_json(
                msg=f"This machine is a container with {have} ids ({id_map}); containers on it need {LEAST} from "
                f"{first} on: give the machine a wider id map, or set `first` lower."
            )
        before = ""
        if os.path.exists(path):
            with open(path, encoding="utf-8") as file:
                before = file.read()
        after = rewrite(before, module.params["users"], first, have - first)
        if after != before:
            diff.append({"before_header": path, "after_header": path, "before": before, "after": after})
            if not module.check_mode:
                replace(path, after)
    module.exit_json(changed=bool(diff), nested=nested, diff=diff)


if __name__ == "__main__":
    main()
