# Copyright: The Hokku developers
# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: releases
short_description: Releases of an application
version_added: 0.2.0
author: [The Hokku developers (@hokku)]
description:
  - Reads the releases of an application from the Platform API, in one call for a thousand of them.
options:
  _terms:
    description:
      - Which releases - V(current), V(previous), or a version such as V(v12). It is an error when there is none
        such.
      - Without any, all are returned, newest first.
    type: list
    elements: str
  app:
    description: The application's name or id.
    type: str
    required: true
extends_documentation_fragment:
  - hokku.platform.api_of_plugins
"""

EXAMPLES = r"""
- name: It is known what serves
  ansible.builtin.debug:
    msg: "v{{ lookup('hokku.platform.releases', 'current', app='shop').version }}"

- name: The slugs that can be rolled back to are listed
  ansible.builtin.debug:
    msg: "{{ releases | selectattr('eligible_for_rollback') | map(attribute='slug') | unique }}"
  vars:
    releases: "{{ query('hokku.platform.releases', app='shop') }}"
"""

RETURN = r"""
_raw:
  description:
    - The releases, as RV(hokku.platform.release_info#module:releases) has them - C(id), C(version), C(status),
      C(description), C(slug), C(current), C(eligible_for_rollback), C(user), C(created_at), C(updated_at).
  type: list
  elements: dict
"""

from ansible.errors import AnsibleLookupError
from ansible.plugins.lookup import LookupBase
from ansible_collections.hokku.platform.plugins.module_utils import _releases
from ansible_collections.hokku.platform.plugins.module_utils._api import Api, ApiError


class LookupModule(LookupBase):
    """Asks for the app's releases."""

    def run(self, terms, variables=None, **kwargs):
        self.set_options(var_options=variables, direct=kwargs)
        app, names = self.get_option("app"), [str(term) for term in terms]
        try:
            for name in names:
                _releases.check(name)
            api = Api(*(self.get_option(name) for name in ("api_url", "api_token", "ca_file", "timeout")))
            rows = _releases.recent(api, app)
            found = [_releases.called(rows, app, name) for name in names] if names else rows
        except ApiError as error:
            raise AnsibleLookupError(f"The releases of {app} could not be read: {error}") from None
        return [_releases.shown(row) for row in found]
