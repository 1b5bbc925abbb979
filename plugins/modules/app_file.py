#!/usr/bin/python
# Copyright: The Hokku developers
# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
---
module: app_file
short_description: Writes a file that holds all an application is
version_added: 0.2.0
author: [The Hokku developers (@hokku)]
description:
  - Values of config vars, URLs of drains, and those of buildpacks that may hold a secret go into C(NAME.vault.yml)
    beside it. That is encrypted where Ansible has a vault password; where not, it has mode 0600 and C(note) says so.
  - Secrets that stand there unencrypted are encrypted as soon as there is a vault password.
  - Runs on the controller.
options:
  path:
    description: The file, C(NAME.yml) for the application C(NAME).
    type: str
    required: true
  app:
    description: The application, with the keys that M(hokku.platform.app_file_info) gives.
    type: dict
    required: true
  overwrite:
    description: Write over files that say something else.
    type: bool
    default: false
extends_documentation_fragment:
  - ansible.builtin.action_common_attributes
attributes:
  check_mode:
    support: full
  diff_mode:
    description: Of secrets it tells names only.
    support: full
  platform:
    support: full
    platforms: posix
"""

EXAMPLES = r"""
- name: The application is kept in a file
  hokku.platform.app_file:
    path: apps/hello.yml
    app: {name: hello, config: {GREETING: Hello}, formation: {web: 2}}
"""

RETURN = r"""
files:
  description: The two files.
  returned: success
  type: list
  elements: str
  sample: [/srv/apps/hello.yml, /srv/apps/hello.vault.yml]
encrypted:
  description: Whether the secrets on disk are encrypted, or would be in check mode.
  returned: success
  type: bool
note:
  description: How the secrets are kept, in a sentence.
  returned: success
  type: str
"""
