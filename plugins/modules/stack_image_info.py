#!/usr/bin/python
# Copyright: The Hokku developers
# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
---
module: stack_image_info
short_description: Which stacks have the images that they are to have
version_added: 0.1.0
author: [The Hokku developers (@hokku)]
description:
  - Tells of several stacks at once whether M(hokku.platform.stack_image) would leave their images as they are. Where it
    would for all, one task is enough for what would be a job in the background for each.
options:
  stacks:
    description: The stacks, each with the options of M(hokku.platform.stack_image).
    type: list
    elements: dict
    required: true
extends_documentation_fragment:
  - ansible.builtin.action_common_attributes
attributes:
  check_mode:
    support: full
  diff_mode:
    support: none
  platform:
    platforms: debian
seealso:
  - module: hokku.platform.stack_image
"""

EXAMPLES = r"""
- name: Is debian-13 as it is to be?
  hokku.platform.stack_image_info:
    stacks:
      - name: debian-13
        suite: trixie
        alias: hokku/debian-13
        build_alias: hokku/debian-13-build
        packages: [python3, git]
        build_packages: [build-essential, python3-dev]
        init_dir: /usr/local/src/hokku-dyno-init
        nameserver: 10.99.0.1
  register: stacks
"""

RETURN = r"""
due:
  description: The names of those whose images would be made. On a host without LXD, all.
  returned: success
  type: list
  elements: str
  sample: ["debian-14"]
"""

import json
import os
import shutil
import time

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible_collections.hokku.platform.plugins.module_utils import _stack as recipe


def due(stacks, images, now):
    """The names of the stacks whose images are not right at the time `now` (seconds)."""
    return [
        stack["name"]
        for stack in stacks
        if not os.path.isdir(stack["init_dir"])
        or not recipe.right(stack, images, recipe.digest(stack, recipe.tree(stack)), now)
    ]


def main():
    module = AnsibleModule(
        argument_spec={"stacks": {"type": "list", "elements": "dict", "required": True}}, supports_check_mode=True
    )
    stacks = []
    for said in module.params["stacks"]:
        result = ArgumentSpecValidator(recipe.ARGUMENTS).validate(said)
        if result.error_messages:
            module.fail_json(msg=f"Stack {said.get('name')}: {'; '.join(result.error_messages)}")
        stacks.append(result.validated_parameters)
    images = []
    if shutil.which("lxc"):
        _status, out, _err = module.run_command(["lxc", "image", "list", "--format", "json"], check_rc=True)
        images = json.loads(out)
    module.exit_json(changed=False, due=due(stacks, images, time.time()))


if __name__ == "__main__":
    main()
