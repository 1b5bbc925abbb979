#!/usr/bin/python
# Copyright: The Hokku developers
# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
---
module: wheel
short_description: The platform's Python package, built once for its content
version_added: 0.1.0
author: [The Hokku developers (@hokku)]
description:
  - Builds a wheel of the package in a source tree, on the controller, unless the cache has one of the same content.
  - Nothing is written to the source tree.
options:
  source:
    description: The source tree, with C(pyproject.toml).
    type: path
    required: true
  parts:
    description: Files and folders of the tree that make the package.
    type: list
    elements: str
    default: [pyproject.toml, README.md, LICENSE, hokku]
  cache:
    description: A folder for the wheels; the newest five stay.
    type: path
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
"""

EXAMPLES = r"""
- name: The package is built
  hokku.platform.wheel:
    source: /home/me/hokku
    cache: /home/me/hokku/.cache/wheels
  delegate_to: localhost
  run_once: true
"""

RETURN = r"""
path:
  description: The wheel.
  returned: always
  type: str
digest:
  description: SHA-256 of the content it was built from, hexadecimal.
  returned: always
  type: str
"""

import hashlib
import os
import shutil
import sys
import tempfile
from pathlib import Path

from ansible.module_utils.basic import AnsibleModule

KEPT = 5
EPOCH = (
    "315532800"  # the earliest time of a file that a wheel can hold: the same source makes the same bytes everywhere
)


def package_files(source, parts):
    """Files that make the package, relative to `source`, sorted; what Python writes by itself is left out."""
    found = []
    for part in parts:
        path = source / part
        if path.is_file():
            found.append(path)
        for folder, folders, names in os.walk(path):
            folders[:] = [name for name in folders if name != "__pycache__"]
            found += [Path(folder) / name for name in names if not name.endswith(".pyc")]
    return sorted(path.relative_to(source) for path in found)


def digest(source, files):
    """SHA-256 over names and contents of `files`."""
    total = hashlib.sha256()
    for name in files:
        content = (source / name).read_bytes()
        total.update(f"{name}\0{len(content)}\0".encode())
        total.update(content)
    return total.hexdigest()


def build(module, source, files, target):
    """Build the wheel of a copy of `files` into the folder `target`, which appears in one step."""
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target.parent) as work:
        tree, out = Path(work) / "tree", Path(work) / "out"
        for name in files:
            (tree / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source / name, tree / name)
            (tree / name).chmod(0o644)
        argv = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", str(out), str(tree)]
        status, stdout, err = module.run_command(argv, environ_update={"SOURCE_DATE_EPOCH": EPOCH})
        if status != 0:
            lines = (err or stdout).strip().splitlines() or ["pip wheel failed"]
            module.fail_json(msg=f"The package in {source} could not be built: {lines[-1]}")
        if target.exists():
            shutil.rmtree(target)
        out.rename(target)


def main():
    module = AnsibleModule(
        argument_spec={
            "source": {"type": "path", "required": True},
            "parts": {
                "type": "list",
                "elements": "str",
                "default": ["pyproject.toml", "README.md", "LICENSE", "hokku"],
            },
            "cache": {"type": "path", "required": True},
        },
        supports_check_mode=True,
    )
    source, cache = Path(module.params["source"]).resolve(), Path(module.params["cache"])
    if not (source / "pyproject.toml").is_file():
        module.fail_json(msg=f"{source} has no pyproject.toml: `source` must be the project's source tree.")
    files = package_files(source, module.params["parts"])
    total = digest(source, files)
    target = cache / total[:16]
    changed = not list(target.glob("*.whl"))
    if changed and not module.check_mode:
        build(module, source, files, target)
        for old in sorted((path for path in cache.iterdir() if path.is_dir()), key=os.path.getmtime)[:-KEPT]:
            shutil.rmtree(old, ignore_errors=True)
    wheels = list(target.glob("*.whl"))
    module.exit_json(changed=changed, path=str(wheels[0]) if wheels else "", digest=total)


if __name__ == "__main__":
    main()
