# Copyright: The Hokku developers
# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: extra_vars
short_description: What the command line gave with C(-e), and nothing else
version_added: 0.2.0
author: [The Hokku developers (@hokku)]
description:
  - For playbooks whose variables have names that only the operator knows, such as the process types of an application.
options:
  _terms:
    description: Names that are left out.
"""

EXAMPLES = r"""
- name: Of all that was given with -e, the process types
  ansible.builtin.debug:
    msg: "{{ lookup('hokku.platform.extra_vars', 'app') }}"
"""

RETURN = r"""
_raw:
  description: One dict of names and values.
  type: list
  elements: dict
"""

from ansible.plugins.lookup import LookupBase
from ansible.utils.vars import load_extra_vars


class LookupModule(LookupBase):
    """Nothing of it is templated."""

    def run(self, terms, variables=None, **kwargs):
        return [{name: value for name, value in load_extra_vars(self._loader).items() if name not in terms}]
