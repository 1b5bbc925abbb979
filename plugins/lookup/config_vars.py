# Copyright: The Hokku developers
# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: config_vars
short_description: Config vars of an application
version_added: 0.2.0
author: [The Hokku developers (@hokku)]
description:
  - Reads the config vars of an application from the Platform API, in one call.
  - What comes are secrets - C(no_log) is for the tasks that use them.
options:
  _terms:
    description:
      - The names of config vars, whose values are returned in this order. Without a name, one dictionary of all
        is returned.
    type: list
    elements: str
  app:
    description: The application's name or id.
    type: str
    required: true
  default:
    description: What a config var that is not set has for a value. It is an error otherwise.
    type: str
extends_documentation_fragment:
  - hokku.platform.api_of_plugins
"""

EXAMPLES = r"""
- name: The database is dumped
  ansible.builtin.command:
    argv: [pg_dump, --file=/srv/dump, "{{ lookup('hokku.platform.config_vars', 'DATABASE_URL', app='shop') }}"]
  no_log: true

- name: Two applications have the same key
  ansible.builtin.assert:
    that: lookup('hokku.platform.config_vars', 'KEY', app='shop') == key_of_till
  vars:
    key_of_till: "{{ lookup('hokku.platform.config_vars', 'KEY', app='till') }}"
  no_log: true
"""

RETURN = r"""
_raw:
  description: The values, or one dictionary of all config vars.
  type: list
  elements: raw
"""

from ansible.errors import AnsibleLookupError
from ansible.plugins.lookup import LookupBase
from ansible_collections.hokku.platform.plugins.module_utils._api import Api, ApiError, path


class LookupModule(LookupBase):
    """Asks once for all of the app's config vars."""

    def run(self, terms, variables=None, **kwargs):
        self.set_options(var_options=variables, direct=kwargs)
        app, default = self.get_option("app"), self.get_option("default")
        try:
            api = Api(*(self.get_option(name) for name in ("api_url", "api_token", "ca_file", "timeout")))
            found = api.get(path("apps", app, "config-vars"))
        except ApiError as error:
            raise AnsibleLookupError(f"The config vars of {app} could not be read: {error}") from None
        if not terms:
            return [found]
        missing = [name for name in terms if name not in found]
        if missing and default is None:
            raise AnsibleLookupError(
                f"{app} has no config var {', '.join(map(str, missing))}: set it, or give the lookup a default."
            )
        return [found.get(name, default) for name in terms]
