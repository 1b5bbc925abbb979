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
  groups:
    description: System groups that must be there before anything is made theirs.
    type: list
    elements: str
    default: []
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
  blocks:
    description:
      - Lines to have in files that others write, too, between two lines that tell whose they are.
      - Where there are none yet they come last, and a file that is not there is made. Owner and mode stay.
    type: list
    elements: dict
    default: []
    suboptions:
      path:
        description: The file; its directory must exist.
        type: path
        required: true
      marker:
        description: Whose lines they are, C(# BEGIN MARKER) before and C(# END MARKER) after them.
        type: str
        required: true
      content:
        description: The lines.
        type: str
        required: true
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
groups:
  description: The groups that were made.
  returned: always
  type: list
  elements: str
paths:
  description: The files and directories that were changed.
  returned: always
  type: list
  elements: str
"""

import grp
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


def with_block(text, marker, content):
    """The text with `content` between the marker's two lines: where they are, or at its end."""
    begin, end = f"# BEGIN {marker}", f"# END {marker}"
    lines, block = text.splitlines(), [begin, *content.strip("\n").splitlines(), end]
    if begin in lines and end in lines[lines.index(begin) :]:
        first = lines.index(begin)
        lines[first : lines.index(end, first) + 1] = block
    else:  # one alone was left by somebody's editor: it tells nothing
        lines = [line for line in lines if line not in (begin, end)] + block
    return "\n".join(lines) + "\n"


def lacking(groups):
    """Those of the groups that the host does not have."""
    there = {group.gr_name for group in grp.getgrall()}
    return [name for name in groups if name not in there]


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


def block(module, item):
    """Have the block; whether that changes the file."""
    try:
        with open(item["path"], encoding="utf-8", errors="surrogateescape") as file:
            before, kept = file.read(), os.stat(item["path"])
    except FileNotFoundError:
        before, kept = "", None
    after = with_block(before, item["marker"], item["content"])
    if after == before:
        return False
    if not module.check_mode:
        whose = {"owner": "root", "group": "root", "mode": "0644"}
        if kept:
            whose = {"owner": str(kept.st_uid), "group": str(kept.st_gid), "mode": f"{kept.st_mode & 0o7777:04o}"}
        write(module, {**item, **whose}, after.encode(errors="surrogateescape"))
    return True


def main():
    entry = {
        "path": {"type": "path", "required": True},
        "owner": {"type": "str", "default": "root"},
        "group": {"type": "str", "default": "root"},
    }
    module = AnsibleModule(
        argument_spec={
            "groups": {"type": "list", "elements": "str", "default": []},
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
            "blocks": {
                "type": "list",
                "elements": "dict",
                "default": [],
                "options": {
                    "path": {"type": "path", "required": True},
                    "marker": {"type": "str", "required": True},
                    "content": {"type": "str", "required": True, "no_log": True},
                },
            },
        },
        supports_check_mode=True,
    )
    groups, paths = lacking(module.params["groups"]), []
    for name in () if module.check_mode else groups:
        module.run_command(["groupadd", "--system", "--", name], check_rc=True)
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
    for item in module.params["blocks"]:
        if block(module, item):
            paths.append(item["path"])
    result = {"changed": bool(groups or paths), "groups": groups, "paths": paths}
    if module._diff and paths:
        result["diff"] = {"before": "", "after": "".join(f"{path}\n" for path in paths)}
    module.exit_json(**result)


if __name__ == "__main__":
    main()
