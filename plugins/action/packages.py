# Copyright: The Hokku developers
# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Asks dpkg which packages a host lacks, and has apt install these."""

from __future__ import annotations

import shlex

from ansible.plugins.action import ActionBase

# Where a package that is installed stands: wanted to stay (or held), installed, without an error.
INSTALLED = ("ii ", "hi ")


def lacking(names, told):
    """Those of `names` that are not installed, by what dpkg-query printed: a status and a name in each line."""
    there = {line[3:] for line in told.splitlines() if line[:3] in INSTALLED}
    return [name for name in names if name not in there]


class ActionModule(ActionBase):
    """One command over the connection while nothing is missing, and no Python on the host."""

    _supports_check_mode = True
    _supports_async = False

    def run(self, tmp=None, task_vars=None):
        result = super().run(tmp, task_vars)
        _result, given = self.validate_argument_spec(
            {
                "names": {"type": "list", "elements": "str", "required": True},
                "cache_valid_time": {"type": "int", "default": 86400},
                "lock_timeout": {"type": "int", "default": 120},
            }
        )
        missing = lacking(given["names"], self._told(given["names"]))
        if not missing:
            return {**result, "changed": False, "missing": []}
        arguments = {
            "name": missing, "install_recommends": False, "update_cache": True,
            "cache_valid_time": given["cache_valid_time"], "lock_timeout": given["lock_timeout"],
        }  # fmt: skip
        done = self._execute_module("ansible.builtin.apt", arguments, task_vars=task_vars)
        return {**result, **done, "missing": missing}

    def _told(self, names):
        """What dpkg-query says of them. It says nothing of those that it does not know, and fails then."""
        argv = ["dpkg-query", "--show", "--showformat=${db:Status-Abbrev}${Package}\\n", "--", *names]
        return self._low_level_execute_command(shlex.join(argv))["stdout"]
