#!/usr/bin/python
# Copyright: The Hokku developers
# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
---
module: units
short_description: Several systemd units, enabled and running, in one call
version_added: 0.1.0
author: [The Hokku developers (@hokku)]
options:
  names:
    description: The units.
    type: list
    elements: str
    required: true
  state:
    description: Whether they run, or are restarted whatever they do, or reloaded, which starts those that do not run.
    type: str
    choices: [started, restarted, reloaded]
    default: started
extends_documentation_fragment:
  - ansible.builtin.action_common_attributes
attributes:
  check_mode:
    support: full
  diff_mode:
    support: none
  platform:
    platforms: debian
description:
  - Enables the units and starts those that do not run; systemd reads its files again
    first where one is newer, and before every restart or reload.
  - In check mode a unit that the host does not have yet counts as one that would be enabled and started.
"""

EXAMPLES = r"""
- name: The platform's services run
  hokku.platform.units:
    names: [hokku-api.service, hokku-manifold.service]
"""

RETURN = r"""
actions:
  description: What was done.
  returned: always
  type: list
  elements: str
  sample: ["hokku-api.service: enabled", "hokku-api.service: started"]
"""

from ansible.module_utils.basic import AnsibleModule

# A unit that waits for its next try is on its way up; starting it again is right, and harmless.
RUNNING = {"active", "reloading"}
ENABLED = {"enabled", "static", "indirect"}
PROPERTIES = "Id,LoadState,ActiveState,UnitFileState,NeedDaemonReload"


def parse(text):
    """The blocks that `systemctl show` prints, as {unit: {property: value}}."""
    blocks = [dict(line.split("=", 1) for line in block.splitlines()) for block in text.strip().split("\n\n")]
    return {block["Id"]: block for block in blocks if block}


def main():
    module = AnsibleModule(
        argument_spec={
            "names": {"type": "list", "elements": "str", "required": True},
            "state": {"type": "str", "choices": ["started", "restarted", "reloaded"], "default": "started"},
        },
        supports_check_mode=True,
    )
    names, actions = module.params["names"], []

    def systemctl(*arguments, fatal=True):
        status, out, err = module.run_command(["systemctl", *arguments])
        if status != 0 and fatal:
            module.fail_json(msg=f"systemctl {arguments[0]} {', '.join(names)}: {err.strip() or out.strip()}")
        return out

    def show():
        return parse(systemctl("show", "--property", PROPERTIES, "--", *names))

    units = show()
    # systemd does not see that a unit got its first drop-in, so a restart always reads the files again.
    stale = any(unit["NeedDaemonReload"] == "yes" or unit["LoadState"] != "loaded" for unit in units.values())
    if (stale or module.params["state"] != "started") and not module.check_mode:
        systemctl("daemon-reload")
        units = show()
    missing = [name for name in names if units.get(name, {}).get("LoadState") != "loaded"]
    if missing and not module.check_mode:
        module.fail_json(msg=f"This host has no unit {', '.join(missing)}.")
    disabled = [name for name in names if units.get(name, {}).get("UnitFileState") not in ENABLED]
    if module.params["state"] == "restarted":
        verb, due = "restart", names
    elif module.params["state"] == "reloaded":
        verb, due = "reload-or-restart", names
    else:
        verb, due = "start", [name for name in names if units.get(name, {}).get("ActiveState") not in RUNNING]
    actions += [f"{name}: enabled" for name in disabled] + [f"{name}: {module.params['state']}" for name in due]
    if not module.check_mode:
        if disabled:
            systemctl("enable", "--quiet", "--", *disabled)
        if due:
            systemctl(verb, "--", *due)
    module.exit_json(changed=bool(actions), actions=actions)


if __name__ == "__main__":
    main()
