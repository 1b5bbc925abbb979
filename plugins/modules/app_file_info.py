#!/usr/bin/python
# Copyright: The Hokku developers
# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
---
module: app_file_info
short_description: Reads a file that holds all an application is, and checks it
version_added: 0.2.0
author: [The Hokku developers (@hokku)]
description:
  - Such a file (C(apps/NAME.yml)) is data, not a template. Its keys are told by C(docs/apps.md); what is wrong with it
    is told at once, a sentence each that names file, key, value and remedy.
  - Values of C(secrets) come from C(apps/NAME.vault.yml) beside it, a mapping that may be encrypted by ansible-vault,
    and else from the variable C(hokku_app_secrets), by the application's name.
  - Runs on the controller. The result is hidden, as secrets are in it; a refusal is not.
options:
  path:
    description: The file.
    type: str
    required: true
extends_documentation_fragment:
  - ansible.builtin.action_common_attributes
attributes:
  check_mode:
    support: full
  diff_mode:
    support: none
  platform:
    support: full
    platforms: posix
"""

EXAMPLES = r"""
- name: The file of the application is right
  hokku.platform.app_file_info:
    path: apps/hello.yml
  register: hello
"""

RETURN = r"""
app:
  description: The application, with its secrets and the texts of its certificates; null for keys that the file lacks.
  returned: success
  type: dict
told:
  description: What of it may be told, with the keys that the file has; secret values are masked.
  returned: success
  type: dict
"""
