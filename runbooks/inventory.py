"""The inventory, as Ansible reads it: which machines there are, what each is, and how SSH gets there.

Ansible's own inventory and variable managers read it, so that plugins, vaults and precedence are Ansible's. That costs
a second or two: `glance` reads the few plain settings that a task over the API needs without it.
"""

from __future__ import annotations

import configparser
import functools
import getpass
import json
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from runbooks.refusal import Refused

ROOT = Path(__file__).resolve().parents[1]
GROUPS = ("control", "database", "logplex", "routers", "dyno_hosts")
_ENVIRONMENT = re.compile(r"\{\{\s*lookup\(\s*'(?:ansible\.builtin\.)?env'\s*,\s*'(\w+)'\s*\)\s*\}\}")
_CONNECTION = (
    "ansible_host", "ansible_port", "ansible_user", "ansible_become", "ansible_ssh_private_key_file",
    "ansible_ssh_common_args", "ansible_ssh_extra_args",
)  # fmt: skip
_SETTINGS = ("hokku_public_url", "hokku_secrets_dir", "hokku_apps_domain")


@dataclass(frozen=True)
class Host:
    """A machine: its name, address and groups, and what SSH is told. `options`: ssh's -o options, in small letters."""

    name: str
    address: str
    groups: frozenset[str]
    user: str
    port: int = 22
    key_file: str | None = None
    become: bool = False
    options: Mapping[str, str] = field(default_factory=dict)

    @property
    def known_hosts(self) -> tuple[str, ...]:
        """Files with the host keys that are trusted, whether they exist or not."""
        user = self.options.get("userknownhostsfile", "~/.ssh/known_hosts ~/.ssh/known_hosts2")
        everyone = self.options.get("globalknownhostsfile", "/etc/ssh/ssh_known_hosts /etc/ssh/ssh_known_hosts2")
        return tuple(os.path.expanduser(path) for path in [*user.split(), *everyone.split()])


@dataclass(frozen=True)
class Inventory:
    """All machines, in the inventory's order, and the settings that every one of them has."""

    source: str
    hosts: tuple[Host, ...]
    settings: Mapping[str, Any]

    def of(self, group: str) -> tuple[Host, ...]:
        """The machines of a group."""
        return tuple(host for host in self.hosts if group in host.groups)


def chosen(given: str = "") -> str:
    """The path of the inventory: `given`, else HOKKU_INVENTORY, else Ansible's own choice. Raises Refused."""
    for said, where in ((given, "--inventory"), (os.environ.get("HOKKU_INVENTORY", ""), "HOKKU_INVENTORY")):
        if said:
            if not Path(said).exists():
                raise Refused(f"{where} is {said}, and there is no such file or folder.")
            return str(Path(said).resolve())
    if said := os.environ.get("ANSIBLE_INVENTORY"):
        return said
    config = Path(os.environ.get("ANSIBLE_CONFIG", ROOT / "ansible.cfg"))
    parser = configparser.ConfigParser(interpolation=None)
    parser.read(config)
    if said := parser.get("defaults", "inventory", fallback=""):
        return str((config.parent / said).resolve())
    raise Refused("No inventory is named: give --inventory, or set HOKKU_INVENTORY.")


def glance(source: str, *names: str) -> dict[str, str] | None:
    """Those settings from the plain files of group_vars/all beside the inventory; None where Ansible itself is needed.

    It is needed where one of them is not there, is made by a template, or where a file cannot be read as plain YAML.
    """
    import yaml

    folder = Path(source) if Path(source).is_dir() else Path(source).parent
    variables = folder / "group_vars" / "all"
    if variables.is_dir():  # Ansible reads no all.yml beside it then
        files = [path for path in sorted(variables.glob("*")) if path.suffix in (".yml", ".yaml")]
    else:
        files = [path for path in map(variables.with_suffix, ("", ".yml", ".yaml")) if path.is_file()][:1]
    found: dict[str, str] = {}
    for path in files:
        text = path.read_text()
        if text.startswith("$ANSIBLE_VAULT;"):
            continue
        try:
            read = yaml.load(text, getattr(yaml, "CSafeLoader", yaml.SafeLoader)) or {}
        except yaml.YAMLError:
            return None
        found |= {name: str(read[name]) for name in names if name in read}
    plain = {name: _ENVIRONMENT.sub(lambda seen: os.environ.get(seen[1], ""), value) for name, value in found.items()}
    return plain if set(plain) == set(names) and not any("{{" in value for value in plain.values()) else None


def ssh_options(*arguments: str) -> dict[str, str]:
    """ssh's -o options (and -J) of command line arguments, the first of each, with names in small letters. Pure."""
    found: dict[str, str] = {}
    words = [word for each in arguments for word in shlex.split(each or "")]
    for index, word in enumerate(words):
        option = ""
        if word in ("-o", "-J") and index + 1 < len(words):
            option = words[index + 1] if word == "-o" else f"ProxyJump={words[index + 1]}"
        elif word.startswith("-o") and len(word) > 2:
            option = word[2:]
        name, _, value = option.replace(" ", "=", 1).partition("=")
        if name:
            found.setdefault(name.lower(), value.strip())
    return found


def environment() -> dict[str, str]:
    """What Ansible's programs are run with: this process' own, and the project's settings where none are here."""
    found = dict(os.environ)
    if not Path("ansible.cfg").exists():
        found.setdefault("ANSIBLE_CONFIG", str(ROOT / "ansible.cfg"))
    return found


@functools.cache
def read(source: str) -> Inventory:
    """The inventory, read by Ansible. Raises Refused with what Ansible said."""
    program = Path(__file__).with_name("read_by_ansible.py")
    done = subprocess.run(
        [sys.executable, "-P", str(program), source, *_CONNECTION, *_SETTINGS],
        env=environment(), capture_output=True, text=True, check=False,
    )  # fmt: skip
    if done.returncode != 0:
        said = (done.stderr.strip().splitlines() or ["no reason given"])[-1]
        raise Refused(f"Ansible cannot read {source}: {said}")
    told = json.loads(done.stdout)
    hosts = tuple(_host(each["name"], set(each["groups"]), each["variables"]) for each in told)
    if not any(host.groups & set(GROUPS) for host in hosts):
        raise Refused(f"{source} has no host in any of the groups {', '.join(GROUPS)}: is it the platform's inventory?")
    return Inventory(source, hosts, {name: v for name, v in told[0]["variables"].items() if name in _SETTINGS})


def _host(name: str, groups: set[str], told: Mapping[str, str]) -> Host:
    key = told.get("ansible_ssh_private_key_file")
    return Host(
        name=name,
        address=told.get("ansible_host") or name,
        groups=frozenset(groups),
        user=told.get("ansible_user") or getpass.getuser(),
        port=int(told.get("ansible_port") or 22),
        key_file=os.path.expanduser(key) if key else None,
        become=told.get("ansible_become", "").lower() in ("true", "yes", "1"),
        options=ssh_options(told.get("ansible_ssh_common_args", ""), told.get("ansible_ssh_extra_args", "")),
    )
