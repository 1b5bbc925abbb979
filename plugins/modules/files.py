#!/usr/bin/python
# Copyright: The Hokku developers
# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
---
module: files
short_description: Several small files and directories of a host, kept in one call
version_added: 0.1.0
author: [The Hokku developers (@hokku)]
description:
  - Writes the given files and makes the given directories with their owner, group and mode.
    One call does what a loop of copies would do with one connection for each.
  - Contents are never shown, neither in results nor in a diff.
options:
  directories:
    description: Directories to make, parents first.
    type: list
    elements: dict
    default: []
    suboptions:
      path:
        description: The directory.
        type: path
        required: true
      owner:
        description: Its owner.
        type: str
        default: root
      group:
        description: Its group.
        type: str
        default: root
      mode:
        description: Its mode, quoted.
        type: str
        default: "0755"
  files:
    description: Files to write; each in one step, so that a reader sees the old or the new one.
    type: list
    elements: dict
    default: []
    suboptions:
      path:
        description: The file; its directory must exist.
        type: path
        required: true
      content:
        description: What is in it.
        type: str
        required: true
      owner:
        description: Its owner.
        type: str
        default: root
      group:
        description: Its group.
        type: str
        default: root
      mode:
        description: Its mode, quoted.
        type: str
        default: "0644"
extends_documentation_fragment:
  - ansible.builtin.action_common_attributes
attributes:
  check_mode:
    support: full
  diff_mode:
    description: Shows names of files, never what is in them.
    support: full
  platform:
    platforms: debian
"""

EXAMPLES = r"""
- name: The host has its certificate
  hokku.platform.files:
    directories:
      - {path: /etc/hokku/tls}
    files:
      - {path: /etc/hokku/tls/host.crt, content: "{{ lookup('ansible.builtin.file', 'host.crt') }}"}
      - {path: /etc/hokku/tls/host.key, content: "{{ lookup('ansible.builtin.file', 'host.key') }}", mode: "0600"}
"""

RETURN = r"""
paths:
  description: The files and directories that were changed.
  returned: always
  type: list
  elements: str
"""

import os
import tempfile

from ansible.module_utils.basic import AnsibleModule


def differs(path, content):
    """Whether the file at `path` lacks or has other bytes than `content`."""
    try:
        with open(path, "rb") as file:
            return file.read() != content
    except (FileNotFoundError, NotADirectoryError):
        return True


def attributes(module, item):
    """Ansible's file attributes of one entry, as `set_fs_attributes_if_different` takes them."""
    wanted = {"path": item["path"], "owner": item["owner"], "group": item["group"], "mode": item["mode"]}
    return module.load_file_common_arguments({**module.params, **wanted}, path=item["path"])


def write(module, item, content):
    """Replace the file in one step; it has its final owner and mode before it has its name."""
    handle, temporary = tempfile.mkstemp(dir=module.tmpdir)
    with os.fdopen(handle, "wb") as file:
        file.write(content)
    module.set_fs_attributes_if_different(attributes(module, {**item, "path": temporary}), False)
    module.atomic_move(temporary, item["path"], keep_dest_attrs=False)


def main():
    entry = {
        "path": {"type": "path", "required": True},
        "owner": {"type": "str", "default": "root"},
        "group": {"type": "str", "default": "root"},
    }
    module = AnsibleModule(
        argument_spec={
            "directories": {
                "type": "list",
                "elements": "dict",
                "default": [],
                "options": {**entry, "mode": {"type": "str", "default": "0755"}},
            },
            "files": {
                "type": "list",
                "elements": "dict",
                "default": [],
                "options": {
                    **entry,
                    "content": {"type": "str", "required": True, "no_log": True},
                    "mode": {"type": "str", "default": "0644"},
                },
            },
        },
        supports_check_mode=True,
    )
    paths = []
    for item in module.params["directories"]:
        changed = not os.path.isdir(item["path"])
        if changed and not module.check_mode:
            os.makedirs(item["path"], mode=0o700, exist_ok=True)
        if os.path.isdir(item["path"]):
            changed = module.set_fs_attributes_if_different(attributes(module, item), changed)
        if changed:
            paths.append(item["path"])
    for item in module.params["files"]:
        content = item["content"].encode()
        changed = differs(item["path"], content)
        if changed and not module.check_mode:
            write(module, item, content)
        if os.path.exists(item["path"]):
            changed = module.set_fs_attributes_if_different(attributes(module, item), changed)
        if changed:
            paths.append(item["path"])
    result = {"changed": bool(paths), "paths": paths}
    if module._diff and paths:
        result["diff"] = {"before": "", "after": "".join(f"{path}\n" for path in paths)}
    module.exit_json(**result)


if __name__ == "__main__":
    main()
