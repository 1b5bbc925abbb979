#!/usr/bin/python
# Copyright: The Hokku developers
# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
---
module: admin
short_description: The schema of the platform's database, and the first account
version_added: 0.1.0
author: [The Hokku developers (@hokku)]
description:
  - Runs C(hokku admin prepare) on a control host, as the services' user.
  - Password and token reach the command through files in memory, never through an argument or the disk.
options:
  command:
    description: The C(hokku) command.
    type: path
    default: /opt/hokku/venv/bin/hokku
  user:
    description: The operating system's user to run it as.
    type: str
    default: hokku
  email:
    description: Email of the first account.
    type: str
    required: true
  password:
    description: Its password.
    type: str
    required: true
  token:
    description: Its API token.
    type: str
    required: true
extends_documentation_fragment:
  - ansible.builtin.action_common_attributes
attributes:
  check_mode:
    description: Does nothing and says so.
    details: What would change cannot be known without asking the database, which a check leaves alone.
    support: partial
  diff_mode:
    support: none
  platform:
    platforms: debian
"""

EXAMPLES = r"""
- name: The database is ready
  hokku.platform.admin:
    email: admin@example.com
    password: "{{ lookup('ansible.builtin.file', '/etc/hokku-secrets/admin_password') }}"
    token: "{{ lookup('ansible.builtin.file', '/etc/hokku-secrets/admin_token') }}"
"""

RETURN = r"""
actions:
  description: What was done.
  returned: always
  type: list
  elements: str
  sample: ["schema migrated", "first account made or brought up to date"]
"""

import os

from ansible.module_utils.basic import AnsibleModule

CHANGES = {
    "schema changed": "schema migrated",
    "account changed": "first account made or brought up to date",
}


def in_memory(name, content):
    """A file descriptor of a file without a name on any disk, that holds `content`."""
    number = os.memfd_create(name, 0)
    os.write(number, content.encode())
    return number


def main():
    module = AnsibleModule(
        argument_spec={
            "command": {"type": "path", "default": "/opt/hokku/venv/bin/hokku"},
            "user": {"type": "str", "default": "hokku"},
            "email": {"type": "str", "required": True},
            "password": {"type": "str", "required": True, "no_log": True},
            "token": {"type": "str", "required": True, "no_log": True},
        },
        supports_check_mode=True,
    )
    if module.check_mode:
        module.exit_json(changed=False, actions=[])

    descriptors = [in_memory(name, module.params[name]) for name in ("password", "token")]
    files = [f"/dev/fd/{number}" for number in descriptors]
    argv = [
        "runuser", "-u", module.params["user"], "--", module.params["command"], "admin", "prepare",
        "--email", module.params["email"], "--password-file", files[0], "--token-file", files[1],
    ]  # fmt: skip
    status, out, err = module.run_command(argv, cwd="/", pass_fds=descriptors)
    told = out.splitlines()
    actions = [action for line, action in CHANGES.items() if line in told]
    if status != 0:
        said = (err or out).strip()
        last = (said.splitlines() or ["it said nothing"])[-1].strip()
        module.fail_json(msg=f"hokku admin prepare failed: {last}", stderr=said, actions=actions)
    module.exit_json(changed=bool(actions), actions=actions)


if __name__ == "__main__":
    main()
