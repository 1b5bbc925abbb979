#!/usr/bin/python
# Copyright: The Hokku developers
# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
---
module: venv
short_description: A virtual environment with locked packages and one wheel
version_added: 0.1.0
author: [The Hokku developers (@hokku)]
description:
  - Makes the environment, installs the packages of the lock when the lock changed, and
    the wheel when its content changed.
  - What is installed is noted in C(installed.json) in the environment, last; a run that was cut off is done again.
options:
  path:
    description: The environment.
    type: path
    required: true
  lock:
    description: Text of a requirements file that pins every package.
    type: str
    required: true
  wheel:
    description: The wheel, on the host.
    type: path
    required: true
  digest:
    description: What identifies the wheel's content.
    type: str
    required: true
  pip_options:
    description: Further options of C(pip install), for an index of your own.
    type: list
    elements: str
    default: []
extends_documentation_fragment:
  - ansible.builtin.action_common_attributes
attributes:
  check_mode:
    support: full
  diff_mode:
    support: none
  platform:
    platforms: debian
"""

EXAMPLES = r"""
- name: The platform is installed
  hokku.platform.venv:
    path: /opt/hokku/venv
    lock: "{{ lookup('ansible.builtin.file', 'requirements.lock') }}"
    wheel: /opt/hokku/wheel/hokku-0.2.0-py3-none-any.whl
    digest: 6f1c
"""

RETURN = r"""
actions:
  description: What was done.
  returned: always
  type: list
  elements: str
  sample: ["packages installed", "wheel installed"]
"""

import hashlib
import json
import os
import shutil
import sys
import tempfile

from ansible.module_utils.basic import AnsibleModule


def installed(path):
    """What the environment's note says: {"python": …, "lock": …, "wheel": …}, or empty."""
    try:
        with open(os.path.join(path, "installed.json"), encoding="utf-8") as file:
            return json.load(file)
    except (OSError, ValueError):
        return {}


def plan(has, wanted):
    """What must be done to come from `has` to `wanted`, both as in the note: some of new, packages, wheel."""
    if has.get("python") != wanted["python"]:
        return ["new", "packages", "wheel"]
    return [step for step, key in (("packages", "lock"), ("wheel", "wheel")) if has.get(key) != wanted[key]]


def main():
    module = AnsibleModule(
        argument_spec={
            "path": {"type": "path", "required": True},
            "lock": {"type": "str", "required": True},
            "wheel": {"type": "path", "required": True},
            "digest": {"type": "str", "required": True},
            "pip_options": {"type": "list", "elements": "str", "default": []},
        },
        supports_check_mode=True,
    )
    path = module.params["path"]
    wanted = {
        "python": f"{sys.version_info.major}.{sys.version_info.minor}",
        "lock": hashlib.sha256(module.params["lock"].encode()).hexdigest(),
        "wheel": module.params["digest"],
    }
    steps = plan(installed(path), wanted)
    if not steps or module.check_mode:
        module.exit_json(changed=bool(steps), actions=[f"{step} to do" for step in steps])

    def run(argv, what):
        status, out, err = module.run_command(argv, environ_update={"PIP_DISABLE_PIP_VERSION_CHECK": "1"})
        if status != 0:
            lines = (err or out).strip().splitlines() or ["it said nothing"]
            module.fail_json(msg=f"{what} failed on this host: {lines[-1]}", actions=actions, stderr=err)

    actions = []
    pip = [os.path.join(path, "bin", "python"), "-m", "pip", "install", "--quiet", *module.params["pip_options"]]
    if "new" in steps:
        shutil.rmtree(path, ignore_errors=True)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        run([sys.executable, "-m", "venv", path], "Making the virtual environment")
        actions.append("environment made")
    if "packages" in steps:
        with tempfile.NamedTemporaryFile("w", dir=module.tmpdir, suffix=".txt") as file:
            file.write(module.params["lock"])
            file.flush()
            run([*pip, "--requirement", file.name], "Installing the locked packages")
        actions.append("packages installed")
    if "wheel" in steps:
        run([*pip, "--no-deps", "--no-index", "--force-reinstall", module.params["wheel"]], "Installing the wheel")
        actions.append("wheel installed")
    note = os.path.join(path, "installed.json")
    with open(f"{note}.new", "w", encoding="utf-8") as file:
        json.dump(wanted, file)
    os.replace(f"{note}.new", note)
    module.exit_json(changed=True, actions=actions)


if __name__ == "__main__":
    main()
