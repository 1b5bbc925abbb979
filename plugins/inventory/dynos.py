# Copyright: The Hokku developers
# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: dynos
short_description: Dynos as hosts
version_added: 0.2.0
author: [The Hokku developers (@hokku)]
description:
  - Every dyno of the applications that the account may see is a host, named C(APP.TYPE.NUMBER) such as
    C(shop.web.1).
  - Groups are C(app_NAME), C(type_NAME), C(release_APP_VERSION) such as C(release_shop_v12), and C(on_HOST) for the
    dyno host that it runs on. Hyphens become underscores, as Ansible wants it of groups.
  - There is no SSH into dynos. The inventory is for asking and deciding; tasks of such hosts run on the controller
    (C(connection=local) is set), and M(hokku.platform.one_off) runs commands.
  - Two calls of the API for each application, however many dynos it has.
  - The file's name must end in C(hokku.yml) or C(hokku.yaml).
options:
  plugin:
    description: V(hokku.platform.dynos).
    type: str
    required: true
    choices: [hokku.platform.dynos]
  apps:
    description: The names of the applications. All that the account may see, unless given.
    type: list
    elements: str
    default: []
extends_documentation_fragment:
  - hokku.platform.api_of_plugins
  - ansible.builtin.constructed
  - ansible.builtin.inventory_cache
"""

EXAMPLES = r"""
# dynos.hokku.yml, with HOKKU_API_URL and HOKKU_API_TOKEN in the environment
plugin: hokku.platform.dynos
apps: [shop, till]

# Those that are not up are a group of their own, and the answers are kept for a minute
---
plugin: hokku.platform.dynos
groups:
  not_up: hokku_state != "up"
cache: true
cache_plugin: ansible.builtin.jsonfile
cache_connection: ~/.cache/hokku-dynos
cache_timeout: 60
"""

from ansible.errors import AnsibleParserError
from ansible.plugins.inventory import BaseInventoryPlugin, Cacheable, Constructable
from ansible.utils.unsafe_proxy import wrap_var
from ansible_collections.hokku.platform.plugins.module_utils._api import Api, ApiError, NoApp, path


class InventoryModule(BaseInventoryPlugin, Constructable, Cacheable):
    """Asks the Platform API for dynos, and where they run."""

    NAME = "hokku.platform.dynos"

    def verify_file(self, path):
        return super().verify_file(path) and path.endswith(("hokku.yml", "hokku.yaml"))

    def parse(self, inventory, loader, path, cache=True):
        super().parse(inventory, loader, path, cache)
        self._read_config_data(path)
        key, wanted = self.get_cache_key(path), self.get_option("cache")
        found = None
        if wanted and cache:
            try:
                found = self._cache[key]
            except KeyError:
                pass  # not there yet, or too old
        if found is None:
            found = self._ask()
            if wanted:
                self._cache[key] = found
        for dyno in found:
            self._add(dyno)

    def _ask(self):
        """Every dyno as a dictionary of what its host has for variables. Raises AnsibleParserError."""
        try:
            api = Api(*(self.get_option(name) for name in ("api_url", "api_token", "ca_file", "timeout")))
            if named := self.get_option("apps"):
                return [dyno for app in named for dyno in of_app(api, app)]
            return [dyno for app in api.list(path("apps"), "name ..") for dyno in _if_there(api, app["name"])]
        except ApiError as error:
            raise AnsibleParserError(f"The dynos could not be read: {error}") from None

    def _add(self, dyno):
        # Whoever deploys an app writes its commands. To ansible-core 2.18 all text is a template that is not marked.
        dyno = wrap_var(dyno)
        host = self.inventory.add_host(f"{dyno['hokku_app']}.{dyno['hokku_dyno']}")
        for name, value in {**dyno, "ansible_connection": "local"}.items():
            self.inventory.set_variable(host, name, value)
        groups = [
            f"app_{dyno['hokku_app']}",
            f"type_{dyno['hokku_type']}",
            f"release_{dyno['hokku_app']}_v{dyno['hokku_release']}",
        ]
        if dyno["hokku_host"] is not None:
            groups.append(f"on_{dyno['hokku_host']}")
        for group in groups:
            self.inventory.add_host(host, self.inventory.add_group(self._sanitize_group_name(group)))
        strict = self.get_option("strict")
        self._set_composite_vars(self.get_option("compose"), dyno, host, strict=strict)
        self._add_host_to_composed_groups(self.get_option("groups"), dyno, host, strict=strict)
        self._add_host_to_keyed_groups(self.get_option("keyed_groups"), dyno, host, strict=strict)


def _if_there(api, app):
    """The dynos of an app that was listed; none where it was deleted since."""
    try:
        return of_app(api, app)
    except NoApp:
        return []


def of_app(api, app):
    """The app's dynos, as hosts' variables. Of two with one name, while one replaces the other, the newer one."""
    places = {row["dyno"]["id"]: row["host"] for row in api.list(path("apps", app, "placements"))}
    rows = sorted(api.list(path("apps", app, "dynos")), key=lambda dyno: dyno["created_at"])
    named = {dyno["name"]: dyno for dyno in rows}
    return [
        {
            "hokku_app": dyno["app"]["name"],
            "hokku_command": dyno["command"],
            "hokku_created_at": dyno["created_at"],
            "hokku_dyno": dyno["name"],
            "hokku_host": places.get(dyno["id"]),
            "hokku_id": dyno["id"],
            "hokku_release": dyno["release"]["version"],
            "hokku_size": dyno["size"],
            "hokku_state": dyno["state"],
            "hokku_type": dyno["type"],
        }
        for _name, dyno in sorted(named.items())
    ]
