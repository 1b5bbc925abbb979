"""The lab's machines and its inventory say the same."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from lab.catalogue import CATALOGUE, default_machines, machine_named
from lab.command import LabError

ROOT = Path(__file__).resolve().parents[2]


def inventory_addresses(name: str) -> dict[str, str]:
    children = yaml.safe_load((ROOT / "inventory" / name / "hosts.yml").read_text())["all"]["children"]
    hosts = [host for group in children.values() for host in (group.get("hosts") or {}).items()]
    return {host: values["ansible_host"] for host, values in hosts if values}


def test_the_inventory_names_the_default_machines_with_their_addresses() -> None:
    assert inventory_addresses("lab") == {machine.name: machine.address for machine in default_machines()}


def test_no_two_machines_share_an_address_or_a_loopback_port() -> None:
    ports = [port.listen for machine in CATALOGUE for port in machine.ports]
    assert len({machine.address for machine in CATALOGUE}) == len(CATALOGUE)
    assert len(set(ports)) == len(ports)


def test_an_unknown_machine_is_answered_with_those_there_are() -> None:
    with pytest.raises(LabError, match=r"no machine named 'dyno9'.*control1, router1"):
        machine_named("dyno9")
