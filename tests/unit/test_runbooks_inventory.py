"""The inventory that runbooks go by is Ansible's, and the API's token is never sent to another platform."""

from __future__ import annotations

from pathlib import Path

import pytest

from runbooks import access, inventory, parts
from runbooks.refusal import Refused

LAB = str(inventory.ROOT / "inventory" / "lab")
VARIABLES = (
    "HOKKU_INVENTORY", "ANSIBLE_INVENTORY", "HOKKU_API_URL", "HEROKU_HOST", "HOKKU_API_TOKEN", "HEROKU_API_KEY",
    "HOKKU_CA_FILE", "HOKKU_CA",
)  # fmt: skip


@pytest.fixture(autouse=True)
def bare(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def mine(tmp_path: Path) -> Path:
    """An inventory with a secrets directory of its own."""
    (tmp_path / "group_vars").mkdir()
    (tmp_path / "secrets").mkdir()
    (tmp_path / "secrets" / "admin_token").write_text("mine-0123456789\n")
    (tmp_path / "hosts.yml").write_text("all: {children: {control: {hosts: {one: {ansible_host: 192.0.2.1}}}}}\n")
    (tmp_path / "group_vars" / "all.yml").write_text(
        f"hokku_public_url: https://mine.example.com\nhokku_secrets_dir: {tmp_path}/secrets\n"
    )
    return tmp_path


def test_ansible_reads_the_labs_machines_with_how_ssh_gets_there() -> None:
    found = inventory.read(LAB)
    assert [host.name for host in found.hosts] == ["control1", "router1", "router2", "dyno1", "dyno2", "dyno3"]
    control = found.hosts[0]
    assert {"control", "database", "logplex"} <= control.groups
    assert (control.address, control.user, control.port, control.become) == ("10.213.77.11", "root", 22, False)
    assert control.key_file == "/var/lib/hokku-lab/ssh/id_ed25519"
    assert control.known_hosts == ("/var/lib/hokku-lab/ssh/known_hosts", "/dev/null")
    assert found.settings["hokku_secrets_dir"] == "/var/lib/hokku-lab/secrets"
    assert [host.name for host in found.of("routers")] == ["router1", "router2"]


def test_a_glance_tells_what_ansible_tells(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/basho")
    for name in ("lab", "single", "example"):
        source = str(inventory.ROOT / "inventory" / name)
        names = ("hokku_public_url", "hokku_secrets_dir")
        glanced = inventory.glance(source, *names)
        assert glanced == {key: inventory.read(source).settings[key] for key in names}
    assert glanced is not None
    assert glanced["hokku_secrets_dir"] == "/home/basho/.hokku/secrets"


def test_a_glance_leaves_templates_and_vaults_to_ansible(mine: Path) -> None:
    variables = mine / "group_vars" / "all.yml"
    variables.write_text("hokku_public_url: https://{{ domain }}\n")
    assert inventory.glance(str(mine), "hokku_public_url") is None
    variables.write_text("hokku_public_url: !vault |\n  $ANSIBLE_VAULT;1.1;AES256\n  3132\n")
    assert inventory.glance(str(mine), "hokku_public_url") is None
    assert inventory.glance(str(mine), "hokku_secrets_dir") is None


def test_an_inventory_that_is_named_comes_first_then_the_environment_then_ansible(
    mine: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert inventory.chosen() == LAB
    monkeypatch.setenv("HOKKU_INVENTORY", str(mine))
    assert inventory.chosen() == str(mine)
    assert inventory.chosen(LAB) == LAB
    with pytest.raises(Refused, match="--inventory is nowhere, and there is no such file"):
        inventory.chosen("nowhere")


def test_what_is_no_platforms_inventory_is_refused(tmp_path: Path) -> None:
    (tmp_path / "hosts.yml").write_text("all: {hosts: {one: {}}}\n")
    with pytest.raises(Refused, match="has no host in any of the groups control, database"):
        inventory.read(str(tmp_path))


def test_options_of_ssh_are_read_as_ssh_reads_them() -> None:
    found = inventory.ssh_options(
        "-o IdentitiesOnly=yes -oPort=2222 -o 'UserKnownHostsFile /a /b' -J jump@gate:22", "-o identitiesonly=no"
    )
    assert found == {
        "identitiesonly": "yes", "port": "2222", "userknownhostsfile": "/a /b", "proxyjump": "jump@gate:22",
    }  # fmt: skip


def test_address_and_token_come_from_one_place(mine: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HEROKU_HOST", "https://other.example.com")
    with pytest.raises(Refused, match=r"has HEROKU_HOST and no HEROKU_API_KEY"):
        access.known()
    monkeypatch.setenv("HEROKU_API_KEY", "other")
    assert access.known().url == "https://other.example.com"
    assert access.known(str(mine)).url == "https://mine.example.com"
    assert "mine-0123" not in repr(access.known(str(mine)))
    monkeypatch.setenv("HOKKU_INVENTORY", str(mine))
    assert access.known() == access.Access("https://mine.example.com", "mine-0123456789", None)


def test_a_token_of_heroku_is_not_sent_to_a_platform_that_is_named_otherwise(
    mine: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOKKU_API_URL", "https://other.example.com")
    monkeypatch.setenv("HEROKU_API_KEY", "of-heroku")
    with pytest.raises(Refused, match=r"has HOKKU_API_URL and no HOKKU_API_TOKEN"):
        access.known()


def test_a_folder_of_variables_hides_the_file_beside_it_as_for_ansible(mine: Path) -> None:
    folder = mine / "group_vars" / "all"
    folder.mkdir()
    (folder / "main.yml").write_text("hokku_public_url: https://folder.example.com\n")
    assert inventory.glance(str(mine), "hokku_public_url") == {"hokku_public_url": "https://folder.example.com"}
    assert inventory.glance(str(mine), "hokku_secrets_dir") is None


def test_a_token_that_is_not_there_is_said_with_what_makes_it(mine: Path) -> None:
    (mine / "secrets" / "admin_token").unlink()
    with pytest.raises(Refused, match=r"admin_token cannot be read .* the first run of playbooks/site\.yml makes it"):
        access.known(str(mine))


def test_the_units_of_control_hosts_are_those_that_the_role_installs() -> None:
    import yaml

    variables = yaml.safe_load((inventory.ROOT / "roles" / "control" / "vars" / "main.yml").read_text())
    installed = {f"hokku-{service['name']}.service" for service in variables["control__services"]}
    assert set(parts.UNITS["control"]) == installed


def test_every_unit_has_a_part_and_something_that_is_missed_without_it() -> None:
    from runbooks.finding import ORDER

    everything = {*parts.units(inventory.GROUPS), "postgresql@15-main.service"}
    assert len(everything) == 13
    for unit in everything:
        assert parts.part(unit) in ORDER, unit
        assert parts.without(unit) != "its work is not done", unit
