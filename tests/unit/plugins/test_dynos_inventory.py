"""The inventory plugin `dynos`."""

from __future__ import annotations

from pathlib import Path

import pytest
from ansible.errors import AnsibleParserError
from ansible.inventory.data import InventoryData
from ansible.parsing.dataloader import DataLoader
from ansible.template import Templar
from configured import configured
from fake_api import NOTHING, FakeApi
from told import dyno

try:
    from ansible.template import trust_as_template as trusted
except ImportError:  # ansible-core 2.18 takes every text that is not marked for a template
    trusted = str

SOURCE = "plugin: hokku.platform.dynos\napi_url: https://api.example.com\napi_token: hokku-unit-token-0123456789\n"


def app(name: str, *dynos: dict, host: str = "dyno-1") -> dict:
    told = [{**each, "app": {"id": "a", "name": name}} for each in dynos]
    places = [{"id": each["id"], "dyno": {"id": each["id"], "name": each["name"]}, "host": host} for each in dynos]
    return {("GET", f"/apps/{name}/dynos"): told, ("GET", f"/apps/{name}/placements"): places}


@pytest.fixture
def api() -> FakeApi:
    shop = app("shop", dyno("web.1", 12), dyno("web.2", 13, "starting"), dyno("worker.1", 13))
    return FakeApi(
        {
            ("GET", "/apps"): [{"name": "till-2"}, {"name": "shop"}, {"name": "empty"}],
            **shop,
            **app("till-2", dyno("web.1", 3), host="dyno-2"),
            **app("empty"),
        }
    )


@pytest.fixture
def inventory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """`inventory(api, "apps: [shop]")`: what Ansible has of such a file."""

    def read(api: FakeApi, more: str = "", cache: bool = True) -> InventoryData:
        plugin, found = configured("inventory", "dynos"), InventoryData()
        monkeypatch.setattr(f"{type(plugin).__module__}.Api", lambda *_, **__: api)
        file = tmp_path / "shops.hokku.yml"
        file.write_text(SOURCE + more)
        plugin.parse(found, DataLoader(), str(file), cache)
        if plugin.get_option("cache"):
            plugin.update_cache_if_changed()  # as Ansible does once all is read
        found.reconcile_inventory()
        return found

    return read


def groups(found: InventoryData) -> dict[str, list[str]]:
    return {name: sorted(hosts) for name, hosts in found.get_groups_dict().items() if name not in ("all", "ungrouped")}


def test_dynos_are_hosts_in_groups_by_app_type_release_and_host(inventory, api) -> None:
    found = inventory(api)
    shop = ["shop.web.1", "shop.web.2", "shop.worker.1"]
    assert sorted(found.hosts) == [*shop, "till-2.web.1"]
    assert groups(found) == {
        "app_shop": shop,
        "app_till_2": ["till-2.web.1"],
        "type_web": ["shop.web.1", "shop.web.2", "till-2.web.1"],
        "type_worker": ["shop.worker.1"],
        "release_shop_v12": ["shop.web.1"],
        "release_shop_v13": ["shop.web.2", "shop.worker.1"],
        "release_till_2_v3": ["till-2.web.1"],
        "on_dyno_1": shop,
        "on_dyno_2": ["till-2.web.1"],
    }


def test_a_dyno_tells_of_itself_and_is_no_host_to_log_into(inventory, api) -> None:
    told = inventory(api, "apps: [shop]\n").get_host("shop.web.2").get_vars()
    assert {name: told[name] for name in told if name.startswith(("hokku", "ansible"))} == {
        "ansible_connection": "local",
        "hokku_app": "shop",
        "hokku_command": "run",
        "hokku_created_at": "2026-01-01T12:00:00Z",
        "hokku_dyno": "web.2",
        "hokku_host": "dyno-1",
        "hokku_id": "id-of-web.2-13",
        "hokku_release": 13,
        "hokku_size": "Basic",
        "hokku_state": "starting",
        "hokku_type": "web",
    }


def test_nothing_that_an_apps_author_writes_is_a_template(inventory) -> None:
    written = {"command": "echo {{ 6 * 7 }}"}
    more = "apps: [shop]\ncompose: {again: hokku_command}\n"
    host = inventory(FakeApi(app("shop", {**dyno("web.1", 12), **written})), more).get_host("shop.web.1").get_vars()
    for template in ("{{ hokku_command }}", "{{ again }}"):
        made = Templar(loader=DataLoader(), variables=host).template(trusted(template))
        assert made == "echo {{ 6 * 7 }}"


def test_it_asks_twice_an_app_however_many_dynos_there_are(inventory, api) -> None:
    inventory(api, "apps: [shop, till-2]\n")
    assert len(api.asked) == 4


def test_of_two_dynos_with_one_name_the_newer_one_is_the_host(inventory) -> None:
    old, new = dyno("web.1", 12, "down"), dyno("web.1", 13, "up", created_at="2026-01-02T12:00:00Z")
    found = inventory(FakeApi(app("shop", new, old)), "apps: [shop]\n")
    assert found.get_host("shop.web.1").get_vars()["hokku_release"] == 13


def test_a_one_off_that_has_no_place_yet_is_in_no_hosts_group(inventory) -> None:
    there = FakeApi({**app("shop", dyno("run.4321", 12, "starting")), ("GET", "/apps/shop/placements"): []})
    assert sorted(groups(inventory(there, "apps: [shop]\n"))) == ["app_shop", "release_shop_v12", "type_run"]


def test_variables_and_groups_can_be_composed(inventory, api) -> None:
    more = 'groups: {not_up: hokku_state != "up"}\ncompose: {name: hokku_app + "/" + hokku_dyno}\n'
    found = inventory(api, more + "keyed_groups: [{key: hokku_size, prefix: size}]\n")
    assert (groups(found)["not_up"], len(groups(found)["size_Basic"])) == (["shop.web.2"], 4)
    assert found.get_host("shop.web.1").get_vars()["name"] == "shop/web.1"


def test_answers_are_kept_when_that_is_wanted_and_asked_for_anew_when_they_are_flushed(
    inventory, api, tmp_path
) -> None:
    more = f"cache: true\ncache_plugin: jsonfile\ncache_connection: {tmp_path}/cache\n"
    first = groups(inventory(api, more))
    asked = len(api.asked)
    assert groups(inventory(api, more)) == first
    assert len(api.asked) == asked
    inventory(api, more, cache=False)
    assert len(api.asked) == 2 * asked


def test_a_file_of_another_name_and_an_app_that_is_not_there_are_refused(inventory, tmp_path) -> None:
    plugin = configured("inventory", "dynos")
    for name, ours in (("a.hokku.yml", True), ("hokku.yaml", True), ("shops.yml", False)):
        (tmp_path / name).write_text(SOURCE)
        assert plugin.verify_file(str(tmp_path / name)) is ours
    with pytest.raises(AnsibleParserError, match="Couldn't find that"):
        inventory(FakeApi({("GET", "/apps/nowhere/placements"): NOTHING}), "apps: [nowhere]\n")
