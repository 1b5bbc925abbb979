#!/usr/bin/python
# Copyright: The Hokku developers
# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
---
module: slug
short_description: A source is compiled into a slug of an application
version_added: 0.2.0
author: [The Hokku developers (@hokku)]
description:
  - Packs a source tree, or what a git ref holds, on the controller, has the platform's builders compile it, shows
    what the build says while it runs, and returns the slug. M(hokku.platform.release) releases it.
  - The tarball depends on names, contents and executable bits alone, and its SHA-256 goes with the build. When a
    build of the application with the same checksum, stack and buildpacks has a slug that is still kept, that is
    taken, and nothing is built. Config vars that buildpacks read are not compared; O(force) builds anyway.
  - A slug that is not released is kept for a week, and an application has 20 such at most.
  - Ctrl-C, the task's C(timeout) and O(wait_timeout) cancel the build.
options:
  app:
    description: The application's name or id.
    type: str
    required: true
  source:
    description:
      - A directory on the controller. In a git checkout that is all that git does not ignore, as it is now,
        committed or not, with checked out submodules; elsewhere it is everything. A checkout that ignores the
        directory itself does not count.
      - With O(ref), a directory of a git repository.
    type: path
    required: true
  ref:
    description:
      - A branch, a tag or a commit of the repository at O(source), whose files are compiled instead of those that
        lie there. Nothing is fetched for it.
    type: str
  version:
    description:
      - What the build, the slug and its release call the source. The commit of O(ref), or the one that is checked
        out where nothing was changed since, unless given.
    type: str
  force:
    description: Whether to build although there is a slug of the same already.
    type: bool
    default: false
  wait_timeout:
    description: Seconds that waiting for a builder and the build itself may take together.
    type: int
    default: 1800
extends_documentation_fragment:
  - hokku.platform.api
  - ansible.builtin.action_common_attributes
  - ansible.builtin.action_common_attributes.conn
  - ansible.builtin.action_common_attributes.flow
attributes:
  action:
    support: full
  async:
    support: none
  become:
    support: none
  bypass_host_loop:
    support: none
  check_mode:
    support: full
  connection:
    support: none
  delegation:
    support: none
    details: It runs on the controller, whatever the host.
  diff_mode:
    support: full
  platform:
    platforms: posix
"""

EXAMPLES = r"""
- name: The checkout beside the playbook is compiled
  hokku.platform.slug:
    app: shop
    source: "{{ playbook_dir }}/shop"
  register: compiled

- name: And released
  hokku.platform.release:
    app: shop
    slug: "{{ compiled.slug }}"

- name: What the tag v1.4 holds is compiled
  hokku.platform.slug:
    app: shop
    source: "{{ playbook_dir }}/shop"
    ref: v1.4
"""

RETURN = r"""
actions:
  description: What was done, or would be in check mode.
  returned: always
  type: list
  elements: str
  sample: ["slug built from 41 files (12.3 KB)"]
slug:
  description: The slug's id. Null in check mode when it would be built.
  returned: success
  type: str
  sample: 01234567-89ab-cdef-0123-456789abcdef
build:
  description: The id of the build that made it. Null in check mode when it would be built.
  returned: success
  type: str
  sample: 3d0b1c9e-0f68-4a5b-9a50-6a1f5c1d2e3f
checksum:
  description: The tarball's checksum.
  returned: success
  type: str
  sample: "SHA256:0000000000000000000000000000000000000000000000000000000000000000"
version:
  description: What the build calls the source.
  returned: success
  type: str
  sample: 1a2b3c4d5e6f
output:
  description: What the build said, the last 10000 lines of it. Empty when nothing was built.
  returned: success, and when the build failed
  type: list
  elements: str
  sample: ["-----> Python app detected"]
"""
