"""What may stand in a file that holds an app, and what is said of anything else."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from ansible_collections.hokku.platform.plugins.module_utils import _app_file
from ansible_collections.hokku.platform.plugins.module_utils._app_file import AppFileError

ROOT = Path(__file__).parents[3]
SECRETS = {"KEY": "s3cret-value", "papertrail": "syslog+tls://token@logs.example.com:6514"}


def app(**content: object) -> dict:
    return _app_file.app({"name": "shop", **content}, "shop", "apps/shop.yml", SECRETS, "apps/shop.vault.yml")


def refusal(**content: object) -> str:
    with pytest.raises(AppFileError) as caught:
        app(**content)
    return str(caught.value)


def test_what_a_file_does_not_name_is_left_as_it_is() -> None:
    assert app() == {"name": "shop"} | dict.fromkeys(key for key in _app_file.KEYS if key not in ("name", "secrets"))


def test_an_empty_list_means_none_of_it() -> None:
    assert [app(**{key: []})[key] for key in ("domains", "drains", "buildpacks", "collaborators")] == [[]] * 4
    assert app(config={})["config"] == {}


def test_everything_can_be_said() -> None:
    found = app(
        stack="debian-13",
        buildpacks=["heroku/python"],
        config={"GREETING": "Hello {{ you }}"},
        secrets=["KEY"],
        formation={"web": 2, "worker": {"quantity": 1, "size": "standard-2x"}},
        domains=["www.example.com"],
        certificates=[{"domains": ["www.example.com"], "certificate_file": "a.crt", "key_file": "a.key"}],
        drains=["https://logs.example.com/in", {"secret": "papertrail"}],
        collaborators=["ann@example.com"],
        maintenance=True,
        source={"path": "../samples/python", "ref": "main"},
    )
    assert found["config"] == {"GREETING": "Hello {{ you }}", "KEY": "s3cret-value"}
    assert found["formation"] == {
        "web": {"quantity": 2}, "worker": {"quantity": 1, "size": "standard-2x"},
    }  # fmt: skip
    assert found["drains"] == ["https://logs.example.com/in", SECRETS["papertrail"]]
    assert found["source"] == {"path": "../samples/python", "ref": "main", "slug": None}


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ({"buildpack": []}, "apps/shop.yml: buildpack: there is no such key, use one of name, stack, buildpacks"),
        ({"name": "Shop"}, "apps/shop.yml: name is 'Shop': use 3 to 30 small letters"),
        ({"name": "other"}, "apps/shop.yml: name is 'other': the file is called shop.yml, give both one name."),
        ({"stack": 13}, "apps/shop.yml: stack is 13: give a stack's name such as debian-13."),
        (
            {"buildpacks": "heroku/python"},
            "buildpacks is 'heroku/python': make a list of it, and give a buildpack's name",
        ),
        ({"config": {"2ND": "x"}}, "config.2ND: use letters, digits and _ in a config var's name"),
        ({"config": {"A": 1}}, "config.A: it is a number, and config vars are text, write it in quotes."),
        ({"config": {"A": True}}, "config.A: it is true or false, and config vars are text"),
        ({"config": {"A": None}}, "config.A: it is empty, and config vars are text"),
        ({"config": {"KEY": "x"}, "secrets": ["KEY"]}, "secrets[0] is 'KEY': it stands under config, too"),
        ({"secrets": ["GONE"]}, "secrets[0] is 'GONE': apps/shop.vault.yml has no such name"),
        ({"secrets": ["KEY", "KEY"]}, "secrets[1]: it stands there twice"),
        ({"formation": {"web": "many"}}, "formation.web.quantity is 'many': give a number of dynos, 0 or more."),
        ({"formation": {"web": True}}, "formation.web.quantity is True: give a number of dynos"),
        ({"formation": {"web": 101}}, "formation.web.quantity is 101: give at most 100 dynos of a process type."),
        ({"formation": {"web": -1}}, "formation.web.quantity is -1: give a number of dynos"),
        (
            {"formation": {"web": {"number": 1}}},
            "formation.web.number: there is no such key, use one of quantity, size",
        ),
        ({"formation": {"a b": 1}}, "formation.a b: use letters, digits, _ and - in a process type's name."),
        ({"domains": ["a.example.com", 4]}, "domains[1] is 4: give a list of hostnames such as www.example.com."),
        ({"certificates": [{"domains": ["a.b"]}]}, "certificates[0].certificate_file: give the path of a file"),
        (
            {"certificates": ["a.crt"]},
            "certificates[0] is 'a.crt': give a mapping of domains, certificate_file, key_file",
        ),
        ({"domains": ["bad host"]}, "domains: 'bad host' is not a fully qualified domain name."),
        ({"drains": ["ftp://ann:s3cret@logs.example.com"]}, "drains[0]: A drain's URL has no scheme that is served"),
        ({"buildpacks": ["no name"]}, "buildpacks[0]: it is neither a name such as heroku/python"),
        ({"formation": {"release": 2}}, "formation.release: it is not scaled"),
        ({"drains": [{"secret": "gone"}]}, "drains[0].secret is 'gone': apps/shop.vault.yml has no such name"),
        ({"maintenance": "off"}, "maintenance is 'off': use true or false."),
        ({"source": {}}, "source is {}: give `path` (with `ref` for a commit of that repository), or `slug`, one of"),
        ({"source": {"slug": "x"}}, "source.slug is 'x': give a slug's id"),
        ({"source": "."}, "source is '.': give `path`"),
    ],
)
def test_what_is_wrong_is_named_with_file_key_value_and_remedy(content: dict, said: str) -> None:
    assert said in refusal(**content)


def test_all_that_is_wrong_is_told_at_once_and_the_file_is_named_each_time() -> None:
    lines = refusal(stack=1, domains=1, maintenance=1).splitlines()
    assert len(lines) == 3
    assert all(line.startswith("apps/shop.yml: ") for line in lines)


def test_no_value_of_a_config_var_or_drain_is_repeated() -> None:
    said = refusal(config={"A": ["hidden-1"]}, drains=["hidden-2"], secrets=["papertrail", "GONE"])
    assert "hidden" not in said
    assert SECRETS["papertrail"] not in said


@pytest.mark.parametrize("content", [None, [], "name: shop", 3])
def test_a_file_that_is_no_mapping_is_refused(content: object) -> None:
    with pytest.raises(AppFileError, match="it is no mapping: begin with `name: shop`"):
        _app_file.app(content, "shop", "apps/shop.yml", {}, "the vault")


@pytest.mark.parametrize("path", sorted((ROOT / "apps").glob("*.yml")), ids=lambda path: path.name)
def test_the_files_that_come_with_the_project_are_right(path: Path) -> None:
    _app_file.app(yaml.safe_load(path.read_text()), path.stem, str(path), {}, "the vault")
