"""What holds once a host was added: it is a member, with pool and network, and the others went on as they were."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from testinfra.host import Host

MEMBERS = ["mol1", "mol2", "mol3"]


@pytest.fixture
def first(machine: Callable[[str], Host]) -> Host:
    return machine("mol1")


def query(host: Host, path: str) -> Any:
    return json.loads(host.check_output(f"lxc query {path}"))


def test_three_hosts_are_one_cluster(first: Host) -> None:
    members = query(first, "/1.0/cluster/members?recursion=1")
    assert {member["server_name"]: member["status"] for member in members} == dict.fromkeys(MEMBERS, "Online")


def test_pool_and_network_are_on_the_new_host_too(first: Host) -> None:
    assert sorted(query(first, "/1.0/storage-pools/hokku")["locations"]) == MEMBERS
    assert sorted(query(first, "/1.0/networks/hokkudyno")["locations"]) == MEMBERS


def test_lxd_of_the_others_was_not_restarted(host: Host) -> None:
    before = host.file("/root/lxd_before")
    if host.check_output("hostname") == "mol3":
        assert not before.exists
        return
    assert host.check_output("systemctl show --value --property MainPID lxd.service") == before.content_string.strip()


def test_the_setting_that_changed_is_in_force_everywhere(host: Host) -> None:
    rules = host.check_output("nft list table inet hokku")
    assert "20000-20999" in rules
    assert "20000-21999" not in rules
