#!/usr/bin/python
# Copyright: The Hokku developers
# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
---
module: packages
short_description: Debian packages that a host has
version_added: 0.2.0
author: [The Hokku developers (@hokku)]
description:
  - Has C(ansible.builtin.apt) install what is missing, without recommended packages. What is installed is left alone.
  - dpkg is asked first, which takes a hundredth of the time in which apt reads its lists. So a run that changes nothing
    does not read them.
  - apt's lists are fetched before something is installed, where they are older than O(cache_valid_time).
options:
  names:
    description: The packages. One may be told with a version or a release, as apt has it; then apt is always asked.
    type: list
    elements: str
    required: true
  cache_valid_time:
    description: How old, in seconds, apt's lists may be.
    type: int
    default: 86400
  lock_timeout:
    description: Seconds to wait for another apt or dpkg to end.
    type: int
    default: 120
extends_documentation_fragment:
  - ansible.builtin.action_common_attributes
attributes:
  check_mode:
    support: full
  diff_mode:
    support: full
  platform:
    platforms: debian
"""

EXAMPLES = r"""
- name: HAProxy is installed
  hokku.platform.packages:
    names: [haproxy]
"""

RETURN = r"""
missing:
  description: The packages that were not installed.
  returned: success
  type: list
  elements: str
  sample: [haproxy]
"""
