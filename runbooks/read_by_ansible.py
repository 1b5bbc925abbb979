"""Prints, as JSON, what Ansible makes of an inventory: each host's groups and those variables that are asked for.

A process of its own, as Ansible's plugin loader changes how Python imports. Arguments: the inventory, variables.
"""

from __future__ import annotations

import json
import sys

from ansible import constants
from ansible.cli import CLI
from ansible.errors import AnsibleError
from ansible.inventory.manager import InventoryManager
from ansible.parsing.dataloader import DataLoader
from ansible.plugins.loader import init_plugin_loader
from ansible.template import Templar
from ansible.vars.manager import VariableManager


def main() -> int:
    """0, or 1 with Ansible's reason on stderr."""
    source, names = sys.argv[1], sys.argv[2:]
    try:
        init_plugin_loader()
        loader = DataLoader()
        loader.set_vault_secrets(
            CLI.setup_vault_secrets(loader, constants.DEFAULT_VAULT_IDENTITY_LIST, auto_prompt=False)
        )
        manager = InventoryManager(loader, sources=[source])
        variables = VariableManager(loader=loader, inventory=manager)
        told = []
        for host in manager.get_hosts():
            own = variables.get_vars(host=host)
            template = Templar(loader, variables=own).template
            found = {name: str(template(own[name])) for name in names if name in own}
            told.append({"name": host.name, "groups": [group.name for group in host.groups], "variables": found})
    except AnsibleError as error:
        print(" ".join(str(error).split()), file=sys.stderr)
        return 1
    print(json.dumps(told))
    return 0


if __name__ == "__main__":
    sys.exit(main())
