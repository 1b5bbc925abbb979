"""What role lxd_member promises: hosts are one LXD cluster, and dynos reach nothing of the platform."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from testinfra.host import Host


@pytest.fixture
def first(machine: Callable[[str], Host]) -> Host:
    return machine("mol1")


def query(host: Host, path: str) -> Any:
    return json.loads(host.check_output(f"lxc query {path}"))


def test_two_hosts_are_one_cluster_and_the_third_is_not_in_it(first: Host) -> None:
    members = query(first, "/1.0/cluster/members?recursion=1")
    assert {member["server_name"]: member["status"] for member in members} == {"mol1": "Online", "mol2": "Online"}


def test_the_cluster_has_pool_and_network_of_the_dynos(first: Host) -> None:
    pool = query(first, "/1.0/storage-pools/hokku")
    network = query(first, "/1.0/networks/hokkudyno")
    assert (pool["driver"], pool["status"]) == ("btrfs", "Created")
    assert network["config"]["ipv4.address"] == "10.99.0.1/16"
    assert sorted(pool["locations"]) == sorted(network["locations"]) == ["mol1", "mol2"]


def test_the_manifold_is_trusted_for_its_project_alone(first: Host) -> None:
    trusted = query(first, "/1.0/certificates?recursion=1")
    manifold = next(each for each in trusted if each["name"] == "manifold")
    assert (manifold["restricted"], manifold["projects"]) == (True, ["default"])


def test_ids_of_containers_exist_on_this_machine(first: Host) -> None:
    has = sum(int(line.split()[2]) for line in first.check_output("cat /proc/self/uid_map").splitlines())
    ranges = [line.split(":") for line in first.file("/etc/subuid").content_string.splitlines()]
    assert {user for user, _, _ in ranges} == {"_lxd", "root"}
    assert all(int(start) + int(count) <= has for _, start, count in ranges)


def test_the_firewall_keeps_dynos_from_the_platforms_hosts(first: Host) -> None:
    for address in ("10.213.77.51", "10.213.77.52", "10.213.77.53", "169.254.169.254"):
        first.check_output(f"nft get element inet hokku forbidden '{{ {address} }}'")
    assert "20000-21999" in first.check_output("nft list table inet hokku")


def test_forgotten_streams_of_lxd_are_watched_for(first: Host) -> None:
    assert first.service("hokku-lxd-streams.service").is_running
    assert first.service("hokku-lxd-streams.service").is_enabled


def test_a_container_can_be_made_in_the_pool_and_the_network(first: Host) -> None:
    first.check_output("lxc init --empty molecule --storage=hokku --network=hokkudyno --target=mol1")
    try:
        assert query(first, "/1.0/instances/molecule")["location"] == "mol1"
    finally:
        first.check_output("lxc delete --force molecule")
