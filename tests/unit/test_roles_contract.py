"""Every role says what can be set, once: defaults and argument specs agree, and services read it."""

from __future__ import annotations

import fnmatch
import json
import re
import tomllib
from collections import Counter
from pathlib import Path

import jinja2
import pytest
import yaml
from ansible.parsing.dataloader import DataLoader
from ansible.template import Templar

from hokku.settings import Settings, load

ROOT = Path(__file__).parents[2]
ROLES = sorted(path.name for path in (ROOT / "roles").iterdir() if (path / "tasks").is_dir())


def read(path: Path) -> dict:
    return (yaml.safe_load(path.read_text()) or {}) if path.exists() else {}


def options(role: str) -> dict:
    specs = read(ROOT / "roles" / role / "meta" / "argument_specs.yml")["argument_specs"]
    return {name: option for spec in specs.values() for name, option in (spec.get("options") or {}).items()}


@pytest.mark.parametrize("role", ROLES)
def test_argument_specs_name_exactly_the_defaults(role: str) -> None:
    optional = {name for name, option in options(role).items() if not option.get("required")}
    assert optional == set(read(ROOT / "roles" / role / "defaults" / "main.yml"))


@pytest.mark.parametrize("role", ROLES)
def test_argument_specs_and_defaults_say_the_same(role: str) -> None:
    defaults = read(ROOT / "roles" / role / "defaults" / "main.yml")
    stated = {name: option["default"] for name, option in options(role).items() if "default" in option}
    assert stated == {name: defaults[name] for name in stated}


@pytest.mark.parametrize("role", ROLES)
def test_every_option_is_described(role: str) -> None:
    assert [name for name, option in options(role).items() if not option.get("description")] == []


@pytest.mark.parametrize("role", ROLES)
def test_variables_of_a_role_bear_its_name(role: str) -> None:
    assert [name for name in options(role) if not name.startswith(f"{role}_")] == []


def written(node: object) -> list[str]:
    """The paths of files that tasks write with hokku.platform.files."""
    if isinstance(node, list):
        return [path for each in node for path in written(each)]
    if not isinstance(node, dict):
        return []
    own = [node["path"]] if {"path", "content"} <= node.keys() else []
    return own + [path for each in node.values() for path in written(each)]


def strings(node: object) -> list[str]:
    if isinstance(node, dict | list):
        return [each for value in (node.values() if isinstance(node, dict) else node) for each in strings(value)]
    return [str(node)]


def read_by_units(node: object) -> list[str]:
    """What tasks and variables name as files that units read: whatever is called `reads`, with or without a prefix."""
    if isinstance(node, list):
        return [path for each in node for path in read_by_units(each)]
    if not isinstance(node, dict):
        return []
    own = [path for key, value in node.items() if key.endswith("reads") for path in strings(value)]
    return own + [path for each in node.values() for path in read_by_units(each)]


def parts(role: str) -> list[dict]:
    """The tasks and variables of a role."""
    return [read(path) for part in ("tasks", "vars") for path in sorted((ROOT / "roles" / role / part).glob("*.yml"))]


def test_no_two_roles_write_one_file() -> None:
    files = [path for role in ROLES for path in {path for part in parts(role) for path in written(part)}]
    assert "/etc/rsyslog.d/20-hokku-ship.conf" in files
    assert [path for path, count in Counter(files).items() if count > 1] == []


# Files that a unit need not be restarted for, and why.
READ_OTHERWISE = {
    "/etc/apt/apt.conf.d/99hokku": "by each apt",
    "/etc/hokku/unknown-key": "by each connection to sshd",
    "/etc/hosts": "by each look-up",
    "/etc/sysctl.d/60-hokku-dynos.conf": "by a task of its own",
    "/etc/systemd/system/lxd-containers.service.d/hokku.conf": "by systemd, which the module has read it",
    "/usr/local/lib/hokku/git-hooks/pre-receive": "by each push",
    "/usr/local/lib/hokku/git-keys": "by each connection to sshd",
    "/usr/local/lib/hokku/git-shell": "by each push",
    "/usr/local/lib/hokku/rsyslog-queues": "by each start and end of rsyslog",
}


def test_a_unit_reads_whatever_a_role_writes() -> None:
    rsyslog = read_by_units(parts("rsyslog"))
    assert "/etc/rsyslog.d/*.conf" in rsyslog
    missing = [
        path
        for role in ROLES
        for path in written(parts(role))
        if not any(fnmatch.fnmatchcase(path, pattern) for pattern in read_by_units(parts(role)) + rsyslog)
    ]
    assert sorted(missing) == sorted(READ_OTHERWISE)


@pytest.mark.parametrize("where", ["roles", "playbooks"])
def test_nothing_is_left_to_a_handler(where: str) -> None:
    """A run that is broken off forgets its handlers, and the next one sees no change that would notify them."""
    found = [path for path in (ROOT / where).rglob("*.yml") if re.search(r"\b(notify|handlers):", path.read_text())]
    assert found + list((ROOT / where).rglob("handlers")) == []


def rendered(tmp_path: Path, **variables: object) -> Settings:
    """The settings that role control writes with its defaults and `variables`."""
    hosts = {
        name: {"ansible_host": f"10.0.0.{number}"}
        for number, name in enumerate(["control1", "router1", "router2", "dyno1", "dyno2"], 1)
    }
    inventory = {
        "hokku_public_url": "https://api.example.com",
        "hokku_logs_url": "https://logs.example.com",
        "hokku_rendezvous_url": "rendezvous://run.example.com:5000",
        "hokku_apps_domain": "apps.example.com",
        "hokku_apps_url": "https://{app}.apps.example.com/",
        "hokku_secrets_dir": "/secrets",
        "hokku_admin_email": "you@example.com",
        "role_path": str(ROOT / "roles" / "control"),
        "hostvars": hosts,
        "groups": {
            "control": ["control1"],
            "database": ["control1"],
            "logplex": ["control1"],
            "routers": ["router1", "router2"],
            "dyno_hosts": ["dyno1", "dyno2"],
        },
    }
    loader = DataLoader()
    defaults = loader.load_from_file(str(ROOT / "roles/control/defaults/main.yml"), trusted_as_template=True)
    templar = Templar(loader, variables={**defaults, **inventory, **variables})
    values = templar.template({name: value for name, value in defaults.items() if name != "control_source"} | variables)
    environment = jinja2.Environment(trim_blocks=True, keep_trailing_newline=True, undefined=jinja2.StrictUndefined)
    environment.filters["to_json"] = lambda value, **_: json.dumps(value, ensure_ascii=False)
    template = (ROOT / "roles/control/templates/hokku.toml.j2").read_text()
    path = tmp_path / "hokku.toml"
    path.write_text(environment.from_string(template).render(**values, hostvars=hosts))
    return load(path)


def test_the_services_read_the_settings_that_the_role_writes(tmp_path: Path) -> None:
    settings = rendered(tmp_path)
    assert [(host.name, host.address) for host in settings.dyno_hosts] == [("dyno1", "10.0.0.4"), ("dyno2", "10.0.0.5")]
    assert [host.name for host in settings.routers] == ["router1", "router2"]
    assert settings.apps_url == "https://{app}.apps.example.com/"
    assert settings.database_url.startswith("postgresql://hokku@control1:5432/hokku?hostaddr=10.0.0.1&")
    assert settings.redis_url == "rediss://10.0.0.1:6380/0"


def test_a_role_without_changes_gives_the_settings_own_defaults(tmp_path: Path) -> None:
    own, written = Settings(), rendered(tmp_path)
    inventory = {
        *("public_url", "logs_url", "rendezvous_url", "apps_domain", "apps_url"),
        *("database_url", "redis_url", "dyno_hosts", "routers"),
    }
    assert {name for name in Settings.model_fields if getattr(own, name) != getattr(written, name)} <= inventory


def test_every_setting_can_be_set_by_the_role() -> None:
    template = (ROOT / "roles/control/templates/hokku.toml.j2").read_text()
    missing = [
        name
        for name in Settings.model_fields
        if not re.search(rf"put\('{name}'|^{name} =|^\[\[{name}\]\]|^\[{name}\.", template, re.MULTILINE)
    ]
    assert missing == []


def test_every_setting_is_read_by_some_service() -> None:
    code = "".join(path.read_text() for path in (ROOT / "hokku").rglob("*.py"))
    assert [name for name in Settings.model_fields if not re.search(rf"\.{name}\b", code)] == []


def test_strings_with_quotes_survive_the_way_into_the_settings(tmp_path: Path) -> None:
    assert rendered(tmp_path, control_region='Zürich "west" \\').region == 'Zürich "west" \\'


def test_the_lock_pins_every_package_that_the_project_asks_for() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    wanted = project["dependencies"] + project["optional-dependencies"]["server"]
    lock = (ROOT / "roles/control/files/requirements.lock").read_text().splitlines()
    pinned = {line.split("==")[0].lower() for line in lock}
    assert {re.split(r"[\[<>=~ ]", line)[0].lower() for line in wanted} - pinned == set()
