"""Lookups and inventory plugins with the options that their documentation says, without Ansible's loader.

The loader finds collections through a finder of its own, which no test can have beside imports of the collection.
"""

from __future__ import annotations

import importlib
from typing import Any

import yaml
from ansible import constants

_PLUGINS = "ansible_collections.hokku.platform.plugins"
_CLASSES = {"lookup": "LookupModule", "inventory": "InventoryModule"}


def configured(kind: str, name: str) -> Any:
    """A new plugin of that name."""
    module = importlib.import_module(f"{_PLUGINS}.{kind}.{name}")
    documented = yaml.safe_load(module.DOCUMENTATION)
    options = dict(documented["options"])
    for fragment in documented["extends_documentation_fragment"]:
        collection, _dot, short = fragment.rpartition(".")
        place = "ansible.plugins" if collection == "ansible.builtin" else _PLUGINS
        found = importlib.import_module(f"{place}.doc_fragments.{short}").ModuleDocFragment
        options |= yaml.safe_load(found.DOCUMENTATION)["options"]
    full = f"hokku.platform.{name}"
    constants.config.initialize_plugin_configuration_definitions(kind, full, options)
    plugin = getattr(module, _CLASSES[kind])()
    plugin._load_name, plugin._redirected_names = full, [full]
    return plugin
